use pyo3::prelude::*;

#[pymodule]
fn unstable_cargo_feature(_: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
