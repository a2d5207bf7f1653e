"""Runs the plan: containers, their output, and what a failure means."""
