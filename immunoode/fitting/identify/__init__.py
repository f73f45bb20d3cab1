"""Identifiability of a study design, before there are data."""
