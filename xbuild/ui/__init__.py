"""Sinks for people and machines. Nothing here decides anything about a build."""
