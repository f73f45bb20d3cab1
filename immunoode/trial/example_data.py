"""Make the example trial by simulation from models of the package. Run: python -m immunoode.trial.example_data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from immunoode.atomic import write_whole
from immunoode.model.combine import combine
from immunoode.model.library import load_model
from immunoode.regimen.regimen import Regimen
from immunoode.solve.simulate import simulate
from immunoode.trial.example import ARMS, FILE, HEADER

if TYPE_CHECKING:
    from pandas import DataFrame

SEED = 15
PER_ARM = 8
VISITS = np.arange(0.0, 337.0, 42.0)
SPREAD = {"growth_rate": 0.5, "kill_rate": 0.6}
"""Log-normal standard deviations between patients, around the typical values."""
TYPICAL = {"growth_rate": 0.006, "kill_rate": 0.7}
"""Chosen so that about a tenth of patients respond to docetaxel, a quarter to pembrolizumab, and half to both."""
PROPORTIONAL, ADDITIVE = 0.04, 1.0
"""Standard deviations of the measurement error, relative and in mm."""
OFF_STUDY = 1.5
"""A patient has no further visit once the tumour is this many times its nadir."""


def regimens() -> dict[str, Regimen]:
    """Return the regimen of each arm: docetaxel 75 mg/m2 and pembrolizumab 200 mg every 3 weeks, and both."""
    docetaxel = Regimen().dose("docetaxel", "75 mg/m2", every="3 weeks", count=6, over="1 h")
    pembrolizumab = Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
    return dict(zip(ARMS, (docetaxel, pembrolizumab, docetaxel + pembrolizumab), strict=True))


def patients(random: np.random.Generator, arm: int) -> DataFrame:
    """Return one row per patient with the parameters that vary between patients."""
    import pandas as pd

    columns = {k: TYPICAL[k] * np.exp(SPREAD[k] * random.normal(size=PER_ARM)) for k in TYPICAL}
    columns["baseline_sum_of_diameters"] = np.clip(70 * np.exp(0.35 * random.normal(size=PER_ARM)), 25, 180)
    return pd.DataFrame(columns, index=[f"{arm + 1}{i + 1:02d}" for i in range(PER_ARM)])


def arm_rows(random: np.random.Generator, number: int, arm: str, regimen: Regimen) -> DataFrame:
    """Return the measurements of one arm."""
    import pandas as pd

    model = combine(
        "tumour_immune", load_model("pd1_inhibitor", variant="pembrolizumab"), load_model("chemotherapy", variant="docetaxel")
    )
    parameters = patients(random, number)
    rows = []
    for subject, row in parameters.iterrows():
        days = np.concatenate([[-float(random.integers(3, 21))], VISITS[1:] + random.integers(-3, 4, len(VISITS) - 1)])
        run = simulate(model, regimen, times=days, start=days[0], parameters=row.to_dict(), outputs=["sum_of_diameters"])
        true = np.asarray(run["sum_of_diameters"])
        noise = PROPORTIONAL * true * random.normal(size=len(true)) + ADDITIVE * random.normal(size=len(true))
        measured = np.round(np.maximum(true + noise, 0.0), 1)
        last = _last_visit(measured)
        rows += [(subject, arm, int(d), v) for d, v in zip(days[:last], measured[:last], strict=True)]
    return pd.DataFrame(rows, columns=["subject", "arm", "day", "sum_of_diameters"])


def _last_visit(measured: np.ndarray) -> int:
    """Return the number of visits until the tumour is far above its nadir."""
    nadir = np.minimum.accumulate(measured)
    over = np.flatnonzero(measured > OFF_STUDY * nadir + 5.0)
    return int(over[0]) + 1 if len(over) else len(measured)


def make() -> DataFrame:
    """Return the example trial."""
    import pandas as pd

    random = np.random.default_rng(SEED)
    return pd.concat([arm_rows(random, i, a, r) for i, (a, r) in enumerate(regimens().items())], ignore_index=True)


def write(path: Path = FILE) -> None:
    """Write the example trial with its header."""
    write_whole(path, HEADER + make().to_csv(index=False, lineterminator="\n"), overwrite=True)


if __name__ == "__main__":
    write()
