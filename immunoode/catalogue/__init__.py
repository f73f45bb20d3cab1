"""Lists of what ships with the package, searched by words of the field."""
