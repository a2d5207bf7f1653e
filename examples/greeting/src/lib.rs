//! A small extension module: arguments, a result, and an exception.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Greets `name`.
#[pyfunction]
fn greet(name: &str) -> PyResult<String> {
    if name.is_empty() {
        return Err(PyValueError::new_err("a name has at least one letter"));
    }
    Ok(format!("Hello, {name}, from {}", std::env::consts::OS))
}

/// Panics, which Python sees as an exception.
#[pyfunction]
fn panic() {
    panic!("on purpose");
}

#[pymodule]
fn greeting(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(greet, module)?)?;
    module.add_function(wrap_pyfunction!(panic, module)?)
}
