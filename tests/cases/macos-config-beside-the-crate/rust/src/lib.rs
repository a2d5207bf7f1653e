use pyo3::prelude::*;

#[pyclass(subclass)]
struct Base;

#[pymodule]
fn beside(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Base>()
}
