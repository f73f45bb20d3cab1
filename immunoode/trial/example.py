"""The small example trial that ships with the package. It is simulated."""

from __future__ import annotations

from pathlib import Path

from immunoode.trial.long_table import read_trial
from immunoode.trial.trial_data import TrialData

FILE = Path(__file__).with_name("data") / "example_trial.csv"
ARMS = ("docetaxel", "pembrolizumab", "docetaxel + pembrolizumab")
TITLE = "Simulated example trial"
HEADER = """\
# SIMULATED DATA, of no real patient: made by immunoode/trial/example_data.py from the package's own models
# (tumour_immune with pembrolizumab and docetaxel), with variability between patients and measurement error.
# Sum of diameters of target lesions in mm; day 0 is the first dose.
"""


def load_example() -> TrialData:
    """Return the example trial: three arms of eight simulated patients, sum of diameters about every six weeks.

    The arms are docetaxel 75 mg/m2, pembrolizumab 200 mg, and both, every three weeks. The data are simulated from the
    models of the package, and say nothing about these drugs.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_example().arms
    ('docetaxel', 'pembrolizumab', 'docetaxel + pembrolizumab')
    """
    return read_trial(FILE, {"value": "sum_of_diameters"}, "mm", title=TITLE)
