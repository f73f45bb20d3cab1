"""The timeline: a lane for each therapy, a mark for each administration, amounts beside, whatever the regimen."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

import immunoode as imo
from immunoode import Regimen

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def marks(axes):
    return [len(line.get_xdata()) for line in axes.lines if line.get_marker() == "|"]


def beside(axes):
    return [text.get_text() for text in axes.texts]


def test_lanes_marks_and_amounts():
    axes = imo.load_regimen("nivolumab_ipilimumab_melanoma").plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["nivolumab", "ipilimumab"]
    assert marks(axes) == [50, 4]
    assert beside(axes) == ["4 × 1 mg/kg\n46 × 240 mg", "4 × 3 mg/kg"]
    assert axes.get_xlabel() == "Time (months)"
    assert axes.get_title() == "Nivolumab 1 mg/kg + ipilimumab 3 mg/kg, 4 doses, then nivolumab"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"amount": "AUC 5"}, "AUC 5"),
        ({"amount": "75 mg/m2"}, "75 mg/m²"),
        ({"amount": "600000 IU/kg"}, "600,000 IU/kg"),
        ({"amount": "2e6 cells/kg"}, "2×$10^{6}$ cells/kg"),
        ({"amount": "250 mg/m2", "loading": "400 mg/m2", "every": 7, "count": 3}, "400 mg/m², then 2 × 250 mg/m²"),
        ({"amount": 3}, "3"),
        ({"amount": 0}, "0"),
    ],
)
def test_amounts_as_they_are_printed(options, text):
    assert beside(Regimen().dose("drug", **options).plot()) == [text]


@pytest.mark.parametrize("number", [0, 1, 10])
def test_any_number_of_therapies_fits(number):
    regimen = sum((Regimen().dose(f"drug_{k}", "1 mg", every=7, count=3) for k in range(number)), Regimen())
    axes = regimen.plot()
    axes.figure.canvas.draw()
    assert marks(axes) == [3] * number
    low, high = axes.get_xlim()
    assert low <= 0 and high >= (14 if number else 7)


def test_days_before_the_start_are_shown_and_long_infusions_last():
    axes = Regimen().dose("a", "1 mg", start=-5).dose("b", "1 mg", over=7, start=3).plot()
    assert axes.get_xlim()[0] < -5
    assert any(list(line.get_xdata()) == [3, 10] for line in axes.lines)


def test_daily_fractions_stay_apart():
    """Marks are thinner than the gaps between them."""
    axes = imo.load_regimen("chemoradiation_durvalumab").plot()
    fractions = next(line for line in axes.lines if line.get_marker() == "|" and len(line.get_xdata()) == 30)
    low, high = axes.get_xlim()
    points = axes.get_window_extent().width / axes.figure.dpi * 72
    assert fractions.get_markeredgewidth() < points / (high - low)


def test_what_is_done_besides_doses_is_drawn():
    regimen = Regimen().dose("a", "1 mg", every=7, count=2, steady_state=True).replace("b", "2 mg", at=[1, 2])
    regimen = regimen.multiply("a", 0.5, at=3).reset(at=9).set("weight", [80, 70, 75], [0, 2, 9], rule="locf")
    axes = regimen.plot()
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "weight"]
    assert beside(axes) == ["2 × 1 mg, from steady state\nmultiplied by 0.5", "2 × replaced by 2 mg", "70 to 80", "reset"]
    drawn = {line.get_marker(): list(line.get_xdata()) for line in axes.lines if len(line.get_xdata())}
    assert (drawn["|"], drawn["D"], drawn["X"], drawn[8]) == ([0, 7], [1, 2], [3], [0])
    steps = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    heights = -steps.get_ydata()  # lanes count downwards
    assert heights[0] > heights[2] > heights[1]
    assert any(list(line.get_xdata()) == [9, 9] for line in axes.lines)


@pytest.mark.parametrize(
    "regimen", [Regimen().reset(at=3), Regimen().set("weight", 80, 0, rule="nocb"), Regimen().replace("a", 0, at=-5)]
)
def test_a_regimen_without_doses_is_drawn(regimen):
    axes = regimen.plot()
    axes.figure.canvas.draw()
    low, high = axes.get_xlim()
    assert all(low <= time <= high for time in regimen.to_frame()["time_day"])


def test_it_draws_on_axes_given():
    _, box = plt.subplots()
    assert Regimen().dose("a", "1 mg").plot(box, amounts=False) is box
    assert not box.texts
