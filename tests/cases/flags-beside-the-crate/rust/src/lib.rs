use pyo3::prelude::*;

#[pyclass]
struct Answer {
    #[pyo3(get)]
    value: i32,
}

#[pymodule]
fn beside(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("answer", Py::new(m.py(), Answer { value: 42 })?)?;
    Ok(())
}
