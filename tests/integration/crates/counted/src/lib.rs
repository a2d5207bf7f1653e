use pyo3::prelude::*;

/// How many words of a text begin with a vowel; the branches are what a profile knows about.
#[pyfunction]
fn vowels(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| match word.as_bytes()[0] {
            b'a' | b'e' | b'i' | b'o' | b'u' => true,
            b'0'..=b'9' => word.len() > 3,
            _ => false,
        })
        .count()
}

#[pymodule]
fn counted(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(vowels, module)?)
}
