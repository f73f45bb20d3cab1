"""Which rule tells progression of a simulated size: RECIST for diameters, doubling for volumes, none for counts of cells."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import immunoode as imo
from immunoode.model.components import Compartment, Flow, Parameter
from immunoode.model.model import Model
from immunoode.scenario.summary import progression_rule, summarise


def growing(unit, rate=0.1, start=100.0):
    """Return a size in a unit that grows exponentially."""
    return Model(
        "growing",
        "published",
        parameters={"rate": Parameter(rate, "1/day")},
        compartments={"size": Compartment(unit, start, roles=("tumour",))},
        flows={"growth": Flow(target="size", rate="rate * size")},
    )


def lines_of(comparison):
    """Return the texts in the panel of changes."""
    axes = comparison.plot()["change"]
    texts = [t.get_text() for t in axes.texts]
    plt.close(axes.figure)
    return texts


@pytest.mark.parametrize(("unit", "start"), [("mm", 100.0), ("cm", 10.0)])
def test_a_diameter_progresses_by_recist_in_any_unit_of_length(unit, start):
    found = imo.compare(growing(unit, start=start), {"untreated": None}, until="30 days")
    assert found.outcome_table()["progression_day"].iloc[0] == pytest.approx(np.log(1.2) / 0.1, abs=0.01)
    assert any("partial response" in text for text in lines_of(found))
    assert "RECIST" in str(found) and "progression_day" in str(found)


@pytest.mark.parametrize(("unit", "start"), [("mm", 10.0), ("cm", 1.0)])
def test_small_diameters_must_grow_by_5_mm(unit, start):
    day = (
        imo.compare(growing(unit, start=start), {"untreated": None}, until="30 days").outcome_table()["progression_day"].iloc[0]
    )
    assert day == pytest.approx(np.log(1.5) / 0.1, abs=0.02)


@pytest.mark.parametrize("unit", ["mm^3", "cm^3", "mL", "L"])
def test_a_volume_progresses_when_it_has_doubled(unit):
    found = imo.compare(growing(unit), {"untreated": None}, until="30 days")
    assert found.outcome_table()["progression_day"].iloc[0] == pytest.approx(np.log(2) / 0.1, abs=0.02)
    texts = lines_of(found)
    assert not any("partial response" in text or "+20" in text for text in texts)
    assert any("doubled" in text for text in texts)
    assert "doubling_day" in str(found) and "doubling_day" in found._repr_html_()


@pytest.mark.parametrize("unit", ["cell", "1", "mm^2", "mg"])
def test_other_sizes_have_no_progression(unit):
    found = imo.compare(growing(unit), {"untreated": None}, until="30 days")
    assert found.outcome_table()["progression_day"].isna().all()
    assert lines_of(found) == []
    assert "no day of progression" in str(found) and "not reached" not in found._repr_html_()
    with pytest.raises(imo.errors.SolveError, match="has no rule of progression"):
        imo.scenario.grid(growing(unit), lambda a, b: None, {"a": [1], "b": [1]}, until="5 days", summary="time_to_progression")


def test_a_grid_says_what_the_day_is():
    found = imo.scenario.grid(
        growing("mm^3"), lambda a, b: None, {"a": [1], "b": [1]}, until="30 days", summary="time_to_progression"
    )
    assert found.label == "time to doubling (days)" and found.values[0, 0] == pytest.approx(np.log(2) / 0.1, abs=0.02)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("simeoni2004", None),
        ("kuznetsov1994", None),
        ("kosinsky2018", "doubling"),
        ("ribba2022", "progression"),
        ("tumour_immune", "progression"),
    ],
)
def test_shipped_models_get_the_rule_of_their_size(name, event):
    rule = imo.compare(name, {"untreated": None}, until="2 days").progression
    assert (rule.event if rule else None) == event


def test_regrowth_of_a_volume_counts_from_the_start_and_of_a_diameter_from_the_nadir():
    days = np.arange(0.0, 6)
    sizes = np.array([100.0, 50, 50, 75, 125, 220])
    assert summarise(days, sizes, "mm").progression_day == pytest.approx(2 + 10 / 25)
    assert summarise(days, sizes, "mm^3").progression_day == pytest.approx(4 + 75 / 95)
    assert summarise(days, sizes, "cell").progression_day is None
    assert progression_rule("") is None


def test_scenarios_whose_doses_give_them_times_of_their_own_are_drawn_together():
    twice = imo.Regimen().dose("pembrolizumab", "200 mg", start=3.3, every=7, count=2, over="30 min")
    regimens = {"untreated": None, "twice": twice}
    found = imo.compare(imo.combine("tumour_immune", "pd1_inhibitor"), regimens, until="30 days")
    axes = found.plot()
    assert {"size", "change", "calendar"} <= axes.keys()
    plt.close(axes["size"].figure)
