"""Measurements of the application and of its models, each a command."""
