"""An earlier run once more, from its report, and what differs."""
