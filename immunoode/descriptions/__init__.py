"""What a name of the package is, as text and for notebooks."""
