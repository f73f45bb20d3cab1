"""Regimens: doses over time, independent of any model."""
