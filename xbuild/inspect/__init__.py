"""What the crate is, and all it needs, brought here: the one phase with a network. Nothing foreign runs."""
