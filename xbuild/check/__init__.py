"""Is the wheel right? By static rules, and by a run on its platform."""
