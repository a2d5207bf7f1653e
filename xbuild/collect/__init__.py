"""From an untrusted folder to a wheel in its place."""
