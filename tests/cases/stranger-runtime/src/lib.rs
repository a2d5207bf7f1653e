use pyo3::prelude::*;

#[pyfunction]
fn answer() -> i32 {
    42
}

#[pymodule]
fn stranger_runtime(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(answer, m)?)
}
