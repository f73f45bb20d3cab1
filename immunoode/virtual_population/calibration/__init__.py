"""Calibration of virtual patients to targets: weights, selections, bands."""
