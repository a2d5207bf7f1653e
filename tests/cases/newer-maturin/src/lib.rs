use pyo3::prelude::*;

#[pymodule]
fn newer_maturin(_: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
