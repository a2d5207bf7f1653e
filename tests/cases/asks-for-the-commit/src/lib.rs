use pyo3::prelude::*;

#[pyfunction]
fn commit() -> &'static str {
    env!("COMMIT")
}

#[pyfunction]
fn changes() -> &'static str {
    env!("CHANGES")
}

#[pymodule]
fn dated(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(commit, m)?)?;
    m.add_function(wrap_pyfunction!(changes, m)?)
}
