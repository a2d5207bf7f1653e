//! An extension module with C, C++, assembly and a library that cmake makes, optimised as a whole.

use pyo3::prelude::*;

extern "C" {
    fn plain(number: i32) -> i32;
    fn rich(number: i32) -> i32;
    fn assembled(number: i32) -> i32;
    fn made(number: i32) -> i32;
}

#[pyfunction]
fn all(number: i32) -> (i32, i32, i32, i32) {
    // SAFETY: none of them keeps anything or throws across the border
    unsafe { (plain(number), rich(number), assembled(number), made(number)) }
}

#[pymodule]
fn mixture(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(all, module)?)
}
