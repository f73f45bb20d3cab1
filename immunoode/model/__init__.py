"""Models as data: parts, expressions, checks, reading, combining, display."""
