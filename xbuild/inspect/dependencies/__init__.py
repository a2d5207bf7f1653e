"""The crates that it is locked to, fetched and checked."""
