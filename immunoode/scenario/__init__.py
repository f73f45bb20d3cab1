"""Scenarios: regimens and parameter sets side by side."""
