"""What of the project's configuration of cargo and maturin counts here, setting by setting."""
