"""Dosing calendar of a regimen."""

import immunoode as imo

imo.load_regimen("chemoradiation_durvalumab").plot()
