"""Descriptions of names of the package, as text and for notebooks."""
