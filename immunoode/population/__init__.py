"""Populations: the same models with random effects, fitted by FOCE with interaction or SAEM."""
