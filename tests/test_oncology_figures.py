"""Figures of response and survival: what they draw is what their tables say; they look as they did.

To draw the pictures in tests/figures anew after a change that is meant (and look at them):
IMMUNOODE_RENEW_FIGURES=1 python -m pytest tests/test_oncology_figures.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError

mpl.use("Agg")
from matplotlib import pyplot as plt

from tests.long_forms import spread

FIGURES = Path(__file__).parent / "figures"
ARMS = ("control", "pembrolizumab", "docetaxel + pembrolizumab", "an arm whose name is much too long for any legend", "e", "f")
DPI = 50
TOLERANCE = 12.0
"""Root mean square difference of grey levels (of 255) that other versions of matplotlib and its fonts make."""


def trial(subjects: int, arms: int, seed: int = 0) -> imo.Responses:
    """Return responses of a made-up trial: sums of diameters that shrink and grow, a few new lesions."""
    random = np.random.default_rng(seed)
    rows = []
    for k in range(subjects):
        arm = k % arms
        grow, shrink, size = (
            0.0025 * random.lognormal(0, 0.7),
            0.004 * (1 + arm) * random.lognormal(0, 0.8),
            random.uniform(30, 120),
        )
        for j in range(random.integers(1, 10)):
            time = 42.0 * j + (random.integers(-4, 5) if j else -random.integers(0, 20))
            value = size * (np.exp(grow * max(time, 0)) + np.exp(-shrink * max(time, 0)) - 1)
            rows.append((f"{k:03d}", ARMS[arm], time, round(max(value, 0)), j > 0 and random.random() < 0.03))
    return imo.recist(pd.DataFrame(rows, columns=["subject", "arm", "time", "sum_of_diameters", "new_lesion"]))


def survival(subjects: int, arms: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    arm = np.arange(subjects) % arms
    died = random.exponential(300 * (1 + 0.5 * arm))
    until = random.uniform(200, 900, subjects)
    named = {"subject": [f"{k:03d}" for k in range(subjects)], "arm": [ARMS[a] for a in arm], "endpoint": "OS"}
    return pd.DataFrame({**named, "time": np.minimum(died, until).round(), "event": died <= until})


def deaths(subjects: int, arms: int) -> dict[str, float]:
    table = survival(subjects, arms)
    return {s: t + 400 for s, t, e in zip(table["subject"], table["time"], table["event"], strict=True) if e}


def estimates() -> pd.DataFrame:
    rows = [
        ("below 65", 0.7, 0.5, 0.98, 120, "age"),
        ("65 and above", 0.82, 0.55, 1.2, 80, "age"),
        ("all", 0.75, 0.58, 0.96, 200, ""),
    ]
    return pd.DataFrame(rows, columns=["label", "estimate", "lower", "upper", "n", "group"])


def calendar() -> imo.Regimen:
    antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=6, over="30 min")
    return antibody.dose("radiotherapy", "2 Gy", every="1 day", count=15, start="2 weeks", weekdays=True)


DRAWN: dict[str, Callable[[int, int, Any], Any]] = {
    "waterfall": lambda n, arms, ax: imo.plot.waterfall(trial(n, arms), ax=ax),
    "waterfall_by_arm": lambda n, arms, ax: imo.plot.waterfall(trial(n, arms), colour="arm", ax=ax),
    "spider": lambda n, arms, ax: imo.plot.spider(trial(n, arms), ax=ax),
    "swimmer": lambda n, arms, ax: imo.plot.swimmer(trial(n, arms), deaths=deaths(n, arms), ax=ax),
    "kaplan_meier": lambda n, arms, ax: imo.kaplan_meier(survival(n, arms)).plot(ax=ax),
}


@pytest.fixture(autouse=True)
def _closed() -> Any:
    with mpl.rc_context({"font.family": "DejaVu Sans", "figure.dpi": 100}):
        yield
    plt.close("all")


def grey(path: Path) -> np.ndarray[Any, Any]:
    """Return a picture in grey levels, in blocks of four by four: letters may move a little."""
    image = plt.imread(path)[..., :3].mean(axis=2) * 255
    height, width = (s // 4 * 4 for s in image.shape)
    return image[:height, :width].reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))


@pytest.mark.parametrize("name", spread([*DRAWN, "response_over_time", "sums_by_arm", "forest", "calendar"], 3))
def test_it_looks_as_it_did(name: str, tmp_path: Path) -> None:
    if name in DRAWN:
        figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
        DRAWN[name](40, 3, axes)
    elif name == "forest":
        figure = imo.plot.forest(estimates()).figure
    elif name == "calendar":
        figure = calendar().plot().figure
    else:
        figure = getattr(imo.plot, name)(trial(60, 3))[0].figure
    known, new = FIGURES / f"{name}.png", tmp_path / f"{name}.png"
    figure.savefig(new, dpi=DPI)
    if os.environ.get("IMMUNOODE_RENEW_FIGURES"):
        known.write_bytes(new.read_bytes())
    a, b = grey(known), grey(new)
    assert a.shape == b.shape
    assert float(np.sqrt(((a - b) ** 2).mean())) < TOLERANCE


def test_a_change_is_seen(tmp_path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    imo.plot.waterfall(trial(40, 3, seed=1), ax=axes)
    figure.savefig(tmp_path / "other.png", dpi=DPI)
    a, b = grey(FIGURES / "waterfall.png"), grey(tmp_path / "other.png")
    assert float(np.sqrt(((a - b) ** 2).mean())) > TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("width", [3.5, 6.4, 10.0])
@pytest.mark.parametrize(("subjects", "arms"), [(3, 1), (50, 2), (500, 6)])
@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_cut_off(name: str, subjects: int, arms: int, width: float) -> None:
    """Axis labels lie inside the figure, and the axes keep most of its width, in every size and number."""
    if width < 6 and arms > 2:
        pytest.skip("six arms do not fit a column of a page")
    figure, axes = plt.subplots(figsize=(width, 0.75 * width), layout="constrained")
    DRAWN[name](subjects, arms, axes)
    figure.canvas.draw()
    box = figure.bbox
    for text in (axes.xaxis.label, axes.yaxis.label):
        extent = text.get_window_extent()
        if text.get_text():
            assert extent.x0 >= box.x0 - 1 and extent.x1 <= box.x1 + 1 and extent.y0 >= box.y0 - 1 and extent.y1 <= box.y1 + 1
    assert axes.get_position().width > 0.3 and axes.get_position().height > 0.2


@pytest.mark.parametrize("name", spread(DRAWN, 2))
def test_legends_stay_inside_a_figure_without_a_layout(name: str) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 4.8))
    DRAWN[name](50, 4, axes)
    figure.canvas.draw()
    extent = axes.get_legend().get_window_extent()
    assert extent.x0 >= -1 and extent.x1 <= figure.bbox.x1 + 1 and extent.y1 <= figure.bbox.y1 + 1


def test_fitted_curves_of_a_fit_are_drawn() -> None:
    seen = trial(6, 2)
    curves = seen.visits.rename(columns={"sum_of_diameters": "predicted"})[["subject", "time", "predicted"]]
    boxes = imo.plot.sums_by_arm(seen, fits=curves.assign(quantity="sum_of_diameters"))
    assert all(len(box.lines) == 2 * sum(seen.subjects["arm"] == a) for box, a in zip(boxes, ARMS, strict=False))
    with pytest.raises(DataError, match="fits: has no column 'value'"):
        imo.plot.sums_by_arm(seen, fits=curves.drop(columns="predicted"))


def test_sums_far_above_all_others_are_told() -> None:
    rows = [(f"{k}", day, 50.0 + 5000.0 * (k == 0 and day > 0)) for k in range(40) for day in (0, 42, 84)]
    box = imo.plot.sums_by_arm(imo.recist(pd.DataFrame(rows, columns=["subject", "time", "sum_of_diameters"])))
    assert box.get_ylim()[1] < 100 and "1 subject above, to 5050 mm" in [t.get_text() for t in box.texts]


def test_waterfall_draws_its_table() -> None:
    responses = trial(50, 2)
    axes, table = imo.plot.waterfall(responses, data=True)
    heights = [patch.get_height() for patch in sorted(axes.patches, key=lambda patch: patch.get_x())]
    assert np.allclose(heights, table["change"].clip(upper=100)) and (np.diff(table["change"]) <= 0).all()
    assert "(%)" in axes.get_ylabel() and sum("n = " in t.get_text() for t in axes.get_legend().get_texts()) >= 2
    assert f"{50 - len(table)} more not measured after baseline" in axes.get_xlabel()


def test_large_growth_is_cut_and_told() -> None:
    table = pd.DataFrame({"subject": ["a", "a", "b", "b"], "time": [0, 42, 0, 42], "sum_of_diameters": [20, 130, 50, 50]})
    axes = imo.plot.waterfall(imo.recist(table))
    assert "550" in [t.get_text() for t in axes.texts] and max(p.get_height() for p in axes.patches) == 100


def test_spider_draws_every_subject_from_its_baseline() -> None:
    axes, table = imo.plot.spider(trial(20, 2), unit="week", data=True)
    lines = [line for line in axes.lines if len(line.get_xdata()) != 2 or line.get_linestyle() == "-"]
    assert table["subject"].nunique() <= len(lines) and axes.get_xlabel() == "Time (weeks)"
    assert (table.groupby("subject")["change"].first() == 0).all()


def test_swimmer_bars_end_at_the_last_visit_or_death() -> None:
    responses = trial(30, 2)
    axes, table = imo.plot.swimmer(responses, deaths={"001": 900.0}, unit="day", data=True)
    ends = table[table["event"].isin(("end", "ongoing", "death"))].groupby("subject")["time"].max()
    assert sorted(p.get_width() for p in axes.patches) == pytest.approx(sorted(ends)) and ends["001"] == 900
    assert set(table["event"]) >= {"progression", "ongoing", "partial response"}


def test_kaplan_meier_figure_has_the_numbers_at_risk() -> None:
    km = imo.kaplan_meier(survival(80, 2))
    axes, table = km.plot(data=True)
    pd.testing.assert_frame_equal(table, km.curve)
    ticks = [t for t in axes.get_xticks() if 0 <= t <= km.curve["time"].max() / 30.4375]
    counts = km.at_risk(np.array(ticks) * 30.4375).to_numpy().ravel().astype(str)
    written = [t.get_text() for t in axes.texts]
    assert [w for w in written if w.isdigit()] == list(counts) and any(
        "log-rank" in t.get_text() and "hazard ratio" in t.get_text() for t in axes.get_legend().get_texts()
    )


def test_shares_add_up() -> None:
    axes, table = imo.plot.response_over_time(trial(60, 2), data=True)
    assert np.allclose(table.groupby(["arm", "time"])["share"].sum(), 1) and len(axes) == 2


def test_sums_with_fits() -> None:
    responses = trial(12, 1)
    times = np.linspace(0, 300, 20)
    fits = pd.DataFrame(
        [(s, t, 50.0) for s in responses.subjects["subject"] for t in times], columns=["subject", "time", "value"]
    )
    axes = imo.plot.sums_by_arm(responses, fits=fits, log=True)
    assert axes.get_yscale() == "log" and sum(len(line.get_xdata()) == 20 for line in axes.lines) == 12
    assert axes.get_ylabel() == "Sum of diameters (mm)"


def test_the_dosing_calendar_gives_its_table() -> None:
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=3)
    axes, table = regimen.plot(data=True)
    assert len(table) == 3 and axes.get_xlabel().startswith("Time")


def test_forest_of_a_regression() -> None:
    axes, table = imo.plot.forest(imo.trial.cox(survival(90, 3)), data=True)
    assert len(table) == 2 and axes.get_xscale() == "log" and axes.get_xlabel() == "Hazard ratio"
    assert {"← lower hazard", "higher hazard →"} <= {text.get_text() for text in axes.texts}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: imo.plot.waterfall([1]), "are list"),
        (lambda: imo.plot.waterfall(trial(5, 1), colour="mood"), "colour: is 'mood'"),
        (lambda: imo.plot.spider(trial(5, 1), unit="fortnight"), "day, week, month or year"),
        (
            lambda: imo.plot.waterfall(imo.recist(pd.DataFrame({"subject": ["a"], "time": [0], "sum_of_diameters": [5]}))),
            "was measured after the baseline",
        ),
        (
            lambda: imo.plot.swimmer(imo.recist(pd.DataFrame({"subject": ["a"], "time": [0], "sum_of_diameters": [5]}))),
            "visit after day 0",
        ),
        (
            lambda: imo.plot.forest(pd.DataFrame({"label": ["a"], "estimate": [1], "lower": [0], "upper": [2]})),
            "is not above zero",
        ),
        (lambda: imo.plot.forest(pd.DataFrame({"label": ["a"], "estimate": [1]})), "no column 'lower'"),
        (lambda: imo.plot.forest(pd.DataFrame()), "without rows"),
        (lambda: imo.plot.sums_by_arm(trial(9, 3), ax=[plt.subplots()[1]]), "has 1 axes for 3 panels"),
    ],
)
def test_wrong_input(call: Callable[[], Any], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        call()
