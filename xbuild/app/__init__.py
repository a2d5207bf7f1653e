"""One use case a module, without a terminal."""
