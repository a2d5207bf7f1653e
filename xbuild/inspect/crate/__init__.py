"""What the crate's own files say: its manifests, its lockfile, and what cargo tells of them."""
