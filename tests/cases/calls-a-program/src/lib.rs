use pyo3::prelude::*;

#[pyfunction]
fn answer() -> i32 {
    42
}

#[pymodule]
fn called(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(answer, m)?)
}
