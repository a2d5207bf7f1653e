"""Files, globs and text: what has nothing to do with wheels."""
