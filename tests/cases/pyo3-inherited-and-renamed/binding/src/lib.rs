use python::prelude::*;

#[pyfunction]
#[pyo3(crate = "python")]
fn answer() -> i32 {
    42
}

#[pymodule]
#[pyo3(crate = "python")]
fn renamed(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(answer, m)?)
}
