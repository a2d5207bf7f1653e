//! Stands in for PyO3's crate of this name, from which maturin knows an extension module.
