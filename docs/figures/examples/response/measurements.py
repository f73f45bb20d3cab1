"""Measurements of a trial.

What was measured of each subject over time, with one colour per arm.
"""

import immunoode as imo

imo.load_example().plot()
