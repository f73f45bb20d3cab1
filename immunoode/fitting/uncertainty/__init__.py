"""Uncertainty of a finished fit: covariance, profiles, bootstrap, posterior draws, and bands of curves."""
