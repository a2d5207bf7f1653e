"""What is asked for: one validated value, made at the edge and never changed afterwards."""
