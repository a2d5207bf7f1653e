use pyo3::prelude::*;

#[pymodule]
fn variable_of_the_interpreter(_: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
