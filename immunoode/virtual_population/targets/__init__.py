"""Targets of calibration: published or observed statistics with their sampling error."""
