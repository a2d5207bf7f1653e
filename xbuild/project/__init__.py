"""The crate: what its own files say, a snapshot of its sources, and the crates that it is locked to."""
