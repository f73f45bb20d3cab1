"""Figures. Every function returns Axes; matplotlib is imported inside."""
