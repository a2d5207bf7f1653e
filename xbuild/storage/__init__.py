"""What stays on disk: the cache, folders of a run, and logs."""
