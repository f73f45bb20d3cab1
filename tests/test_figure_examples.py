"""Every example of a figure: labels in words with units in one form, legends beside the data, text that stays text."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import io
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import immunoode as imo
import immunoode.plot
from immunoode.errors import DataError
from immunoode.plot.quantity_labels import label, words

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.text import Text

from tests.long_forms import spread_rows

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "figures"
spec = importlib.util.spec_from_file_location("contact_sheet", FOLDER / "contact_sheet.py")
assert spec is not None and spec.loader is not None
contact_sheet = importlib.util.module_from_spec(spec)
sys.modules["contact_sheet"] = contact_sheet
spec.loader.exec_module(contact_sheet)
EXAMPLES = {example.name: example for example in contact_sheet.examples()}
QUICK = ("response/spider", "scenarios/regimen", "survival/forest")
"""Examples that are drawn in each run of the tests; the others are marked slow."""
NOT_ONE_FORM = re.compile(r"\^|\*\*|\bug/|\buL\b|mm3|\[\w+\]|_")
"""Units and names as identifiers."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with mpl.rc_context():
        yield
    plt.close("all")


def texts(figure: Any) -> list[str]:
    """Return what is written in a figure; powers of ten are mathematics."""
    found = [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [text for text in found if not text.startswith("$")]


def legends(figure: Any) -> list[Any]:
    """Return all legends of a figure and its subfigures."""
    every = [figure, *figure.subfigs]
    return [*(legend for part in every for legend in part.legends), *(a.get_legend() for a in figure.axes if a.get_legend())]


def check(figure: Any) -> None:
    """Check the words, the legends and the file of a figure."""
    figure.canvas.draw()
    assert [text for text in texts(figure) if NOT_ONE_FORM.search(text)] == []
    for legend in legends(figure):
        shown = legend.get_window_extent()
        for axes in figure.axes:
            if axes.get_visible() and axes.axison:
                inside = axes.get_window_extent()
                width = min(shown.x1, inside.x1) - max(shown.x0, inside.x0)
                height = min(shown.y1, inside.y1) - max(shown.y0, inside.y0)
                assert min(width, height) < 1, f"a legend covers {axes.get_ylabel()!r}"
        assert shown.x0 >= -1 and shown.x1 <= figure.bbox.x1 + 1 and shown.y0 >= -1 and shown.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in EXAMPLES])
@pytest.mark.filterwarnings("ignore")
def test_an_example(name: str) -> None:
    with imo.style("paper"):
        drawn = contact_sheet.draw(EXAMPLES[name])
        assert drawn.figures or drawn.text.startswith("<")
        for figure in drawn.figures:
            check(figure)
            file = io.StringIO()
            figure.savefig(file, format="svg")
            assert file.getvalue().count("<text") >= 3


def drawing_functions() -> list[Any]:
    """Return the functions that draw figures."""
    found = []
    for module in (m for m in pkgutil.iter_modules(imo.plot.__path__) if m.name != "style"):
        members = vars(importlib.import_module(f"immunoode.plot.{module.name}"))
        found += [f for f in members.values() if hasattr(f, "__wrapped__") and f.__module__ == f"immunoode.plot.{module.name}"]
    return found


@pytest.mark.parametrize("function", drawing_functions(), ids=lambda f: f.__name__)
def test_axes_title_and_size_can_be_given(function: Any) -> None:
    assert {"ax", "title", "figsize"} <= set(inspect.signature(function).parameters)
    for name in ("ax", "title", "figsize"):
        assert re.search(rf"^\s+{name} : ", function.__doc__, flags=re.MULTILINE), f"{name} is not documented"


def regimen() -> imo.Regimen:
    return imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4)


def test_a_style_scales_letters_lines_and_figures() -> None:
    sizes = {}
    for name in ("paper", "notebook", "slide"):
        with imo.style(name):  # type: ignore[arg-type]
            axes = regimen().plot(title="a title")
            sizes[name] = (axes.xaxis.label.get_size(), axes.lines[1].get_markersize(), axes.figure.get_figwidth())
    for of, scale in (("paper", 0.8), ("slide", 1.6)):
        np.testing.assert_allclose(sizes[of], scale * np.array(sizes["notebook"]))


def test_ticks_have_the_size_of_the_style_that_was_in_force() -> None:
    with imo.style("slide"):
        axes = regimen().plot()
    axes.figure.canvas.draw()
    assert {round(tick.get_size(), 1) for tick in axes.get_xticklabels()} == {13.3}


def test_a_style_ends_with_its_block_and_a_call_holds() -> None:
    before = mpl.rcParams["font.size"], mpl.rcParams["svg.fonttype"]
    with imo.style("slide"):
        assert mpl.rcParams["font.size"] == 16 and mpl.rcParams["svg.fonttype"] == "none"
        with imo.style("paper"):
            assert mpl.rcParams["font.size"] == 8 and mpl.rcParams["pdf.fonttype"] == 42
        assert mpl.rcParams["font.size"] == 16
    assert (mpl.rcParams["font.size"], mpl.rcParams["svg.fonttype"]) == before
    set_here = imo.style("paper")
    assert regimen().plot().xaxis.label.get_size() == 8 and "letters of 8 points" in repr(set_here)
    set_here.__exit__(None, None, None)


def test_settings_of_the_user_hold() -> None:
    mpl.rcParams["axes.labelsize"] = 20
    assert regimen().plot().xaxis.label.get_size() == 20
    assert mpl.rcParams["axes.spines.top"]  # drawing changes no settings


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(DataError, match="style: 'papper' is not known; did you mean 'paper'"):
        imo.style("papper")  # type: ignore[arg-type]


def test_former_names_of_arguments_work_with_a_warning() -> None:
    axes = plt.subplots()[1]
    with pytest.warns(FutureWarning, match="axes= of figures is ax= now"):
        assert regimen().plot(axes=axes) is axes


def test_several_panels_take_the_place_of_one_axes() -> None:
    figure, (left, right) = plt.subplots(1, 2, layout="constrained", figsize=(12, 5))
    left.plot([0, 1])
    drawn = imo.compare("claret2009", {"a": None, "b": (None, {"growth_rate": 0.002})}, until=60).plot(ax=right, title="both")
    figure.canvas.draw()
    for axes in drawn.values():
        assert axes.get_window_extent().x0 > left.get_window_extent().x1
    assert figure.subfigs[0].get_suptitle() == "both"


def test_one_lane_per_therapy_with_its_doses_in_words() -> None:
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    half = imo.Regimen().dose("pembrolizumab", "100 mg", every="3 weeks", count=4)
    scenarios = {"none": None, "whole": regimen(), "half": half}
    calendar = imo.compare(model, scenarios, until="12 weeks").plot(panels=[])["calendar"]
    assert [tick.get_text() for tick in calendar.get_yticklabels()] == ["pembrolizumab"]
    assert [text.get_text() for text in calendar.texts] == ["4 × 200 mg", "4 × 100 mg"]


@pytest.mark.slow
def test_a_large_trial_is_sampled_and_says_so() -> None:
    import pandas as pd

    rows = [(f"{k}", f"arm {k % 2}", t, 50.0 + k % 7 * t / 42) for k in range(400) for t in (0, 42, 84)]
    responses = imo.recist(pd.DataFrame(rows, columns=["subject", "arm", "time", "sum_of_diameters"]))
    axes, table = imo.plot.spider(responses, data=True)
    assert table["subject"].nunique() == 400 and "150 of 400 subjects, evenly sampled" in [t.get_text() for t in axes.texts]
    bars, _ = imo.plot.swimmer(responses, data=True)
    assert len(bars.patches) == 60 and "60 of 400 subjects, evenly sampled" in [t.get_text() for t in bars.texts]
    assert len(imo.plot.swimmer(responses, most=None).patches) == 400


@pytest.mark.parametrize(
    ("days", "name", "ticks"),
    spread_rows([(28, "days", 7), (900, "months", 30.4375), (200, "weeks", 7), (4000, "years", 365.25)], 2),
)
def test_time_is_in_the_unit_that_fits(days: int, name: str, ticks: float) -> None:
    run = imo.simulate("claret2009", until=days)
    axes = run.plot()
    steps = np.diff(axes.get_xticks()) / ticks
    assert axes.get_xlabel() == f"Time ({name})" and np.allclose(steps, np.round(steps)) and len(steps) >= 2


def test_a_narrow_panel_of_a_short_time_has_ticks() -> None:
    axes = imo.simulate("claret2009", until=12).plot(figsize=(2.4, 2))
    assert len(axes.get_xticks()) >= 3


def test_names_of_models_and_of_columns_with_units_are_words() -> None:
    assert label("value_mm3", "mm^3") == "Value (mm³)" and label("sum_of_diameters", "mm") == "Sum of diameters (mm)"
    assert words("vaghi2020") == "Vaghi 2020" and words("leontriana2021solid") == "leontriana2021solid"


def test_drawing_restores_only_its_own_settings() -> None:
    """The backend of a notebook sets `interactive` when it draws its first figure; without it no later figure is shown."""
    import matplotlib as mpl

    from immunoode.plot.style import drawing

    before = dict(mpl.rcParams)
    with mpl.rc_context():
        with drawing():
            mpl.rcParams["interactive"] = True
        assert mpl.rcParams["interactive"]
        assert {k for k, v in mpl.rcParams.items() if v != before[k]} <= {"interactive"}
