"""The files of the crate: which they are, and a snapshot of them."""
