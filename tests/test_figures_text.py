"""Names of arms, subjects and models stay text in figures: a dollar sign begins no mathematics."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.long_forms import spread
from tests.population_models import decay_model

matplotlib.use("Agg")
EVIL = "$\\frac{$"
"""Matplotlib raises at drawing where it takes this for mathematics."""
MATHS = re.compile(r"\$\\mathdefault\{.*\}\$|[\d.]*×?\$10\^\{-?\d+\}\$.*")
"""What matplotlib and this package write themselves."""


@cache
def trial() -> imo.TrialData:
    rows = [
        (f"{k}{EVIL}", EVIL, float(t), "drug", 10 * np.exp(-0.2 * t) * (1 + 0.01 * k), "mg")
        for k in range(4)
        for t in (1, 2, 4, 8)
    ]
    return imo.read_trial(pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit"]))


@cache
def fitted() -> imo.FitResult:
    return imo.fit(replace(decay_model(), title=EVIL, name="m"), trial(), per_arm=["rate"], start=0.0, progress=False)


@cache
def ends() -> pd.DataFrame:
    arms = [EVIL if k % 2 else "a $b$ c" for k in range(12)]
    columns = {"subject": [f"{k}{EVIL}" for k in range(12)], "arm": arms, "time": np.arange(1.0, 13)}
    return pd.DataFrame({**columns, "endpoint": "os", "event": [k % 3 > 0 for k in range(12)]})


@cache
def responses() -> imo.Responses:
    rows = [
        (f"{s}{EVIL}", EVIL, t, "target", f"l{k}", v + s)
        for t, v in ((0.0, 20.0), (42.0, 8.0), (84.0, 7.0))
        for k in range(2)
        for s in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["subject", "arm", "day", "kind", "lesion", "diameter_mm"])
    return imo.recist(imo.trial.read_lesions(frame))


def grid() -> Any:
    model = imo.load_model("claret2009")
    made = imo.scenario.grid(
        model, lambda a, b: imo.Regimen(), {EVIL: [1.0, 2.0], "b": [1.0, 2.0]}, until=2, measure="sum_of_diameters"
    )
    return replace(made, label=EVIL)


FIGURES: dict[str, Callable[[], Any]] = {
    "fit by arm": lambda: fitted().plot("arm"),
    "fit by subject": lambda: fitted().plot("subject"),
    "residuals": lambda: fitted().plot_residuals(),
    "profiles": lambda: fitted().profile(progress=False).plot(),
    "draws": lambda: fitted().bootstrap(3, progress=False).plot(),
    "comparison of fits": lambda: imo.fitting.compare_fits({EVIL: fitted(), "b": fitted()}).plot(),
    "Kaplan-Meier": lambda: imo.kaplan_meier(ends(), "os").plot(),
    "forest": lambda: imo.plot.forest(imo.trial.cox(ends(), endpoint="os", reference="a $b$ c")),
    "waterfall": lambda: imo.plot.waterfall(responses()),
    "spider": lambda: imo.plot.spider(responses()),
    "swimmer": lambda: imo.plot.swimmer(responses()),
    "responses": lambda: imo.plot.response_over_time(responses()),
    "sums": lambda: imo.plot.sums_by_arm(responses()),
    "simulation": lambda: imo.simulate(replace(decay_model(), name=EVIL), until=1).plot(title=EVIL),
    "regimen": lambda: replace(imo.Regimen().dose("drug", "1 mg"), title=EVIL).plot(),
    "scenarios": lambda: imo.compare("claret2009", {EVIL: None, "b": None}, until=2).plot(),
    "grid": lambda: grid().plot(),
    "population": lambda: population().plot(),
    "population residuals": lambda: population().plot_residuals(),
}


@cache
def population() -> Any:
    how: dict[str, Any] = {"method": "focei", "start": 0.0, "iterations": 1, "progress": False}
    return imo.fit_population(decay_model(), trial(), random=["rate"], **how)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", spread(FIGURES, 3))
def test_dollar_signs_are_dollar_signs(name: str) -> None:
    from matplotlib import pyplot
    from matplotlib.cbook import is_math_text
    from matplotlib.text import Text

    pyplot.close("all")
    made = FIGURES[name]()
    made = next(iter(made.values())) if isinstance(made, dict) else made
    first = made.flat[0] if isinstance(made, np.ndarray) else made
    figure = first if hasattr(first, "axes") and isinstance(first.axes, list) else first.figure
    figure.canvas.draw()
    texts = [t for t in figure.findobj(Text) if t.get_text()]
    maths = [t.get_text() for t in texts if t.get_parse_math() and is_math_text(t.get_text())]
    assert not [t for t in maths if not MATHS.fullmatch(t)]
    pyplot.close("all")
