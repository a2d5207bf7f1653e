"""The record of a run, and what others can check of it."""
