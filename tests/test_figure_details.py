"""Details of figures: units of parameters, bands in legends, axes of fractions, marks of many arms, lines of diagrams."""

import re
from itertools import combinations

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import immunoode as imo
from immunoode.model.diagram import diagram
from immunoode.plot.colours import colour, hatch, line
from immunoode.plot.legends import in_lines
from immunoode.plot.quantity_labels import pretty_unit, words, wrapped
from immunoode.plot.value_ranges import logarithmic_by_default

TUMOUR = imo.load_model("tumour_immune")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def legend_texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_patients_know_the_units_of_their_parameters():
    vp = imo.virtual_population
    drawn = imo.sample_patients(TUMOUR, {"growth_rate": vp.LogNormal(0.006, 0.4)}, 20, seed=1)
    assert drawn.attrs["units"] == {"growth_rate": "1/day"}
    found = imo.virtual_trial.simulate_patients(TUMOUR, drawn, {"control": None}, progress=False)
    assert found.parameters.attrs["units"] == {"growth_rate": "1/day"}
    cohort = vp.Cohort(found, np.full(20, 1 / 20))
    assert imo.plot.cohort_parameters(cohort)[0].get_xlabel() == "Growth rate (1/day)"


def test_what_plausibility_bounds_has_its_unit():
    vp = imo.virtual_population
    criteria = [
        vp.PlausibilityCriterion("sum_of_diameters", upper="120 mm", at="1 year"),
        vp.PlausibilityCriterion("sum_of_diameters", lower=1, reduce="area"),
        vp.PlausibilityCriterion("sum_of_diameters", upper=4, at=100, relative_to_start=True),
        vp.PlausibilityCriterion("growth_rate", upper=0.1),
    ]
    patients = pd.DataFrame({"growth_rate": [0.002, 0.004, 0.006]})
    found = vp.check_plausibility(TUMOUR, patients, criteria, until="1 year")
    assert found.values.units == ("mm", "mm*day", "1", "1/day")
    axes = found.plot()
    labels = [box.get_xlabel() for box in axes]
    assert labels[:2] == ["Sum of diameters (mm)", "Area of sum of diameters (mm·day)"] and labels[3] == "Growth rate (1/day)"
    assert axes[0].get_title().replace("\n", " ") == "Sum of diameters at day 365 at most 120 mm"


def test_the_bands_of_survival_are_in_the_legend():
    rows = pd.DataFrame({"subject": range(40), "arm": ["a", "b"] * 20, "time": np.arange(10, 50), "event": True})
    curves = imo.kaplan_meier(rows)
    assert "95 % interval" in legend_texts(curves.plot())
    assert "95 % interval" not in legend_texts(curves.plot(bands=False))


def test_the_head_of_a_forest_says_what_is_estimated():
    table = pd.DataFrame({"label": ["all"], "estimate": [0.7], "lower": [0.5], "upper": [0.9], "events": [30], "n": [80]})
    heads = {text.get_text() for text in imo.plot.forest(table, favours=("drug", "control")).texts}
    assert {"Events/n", "30/80", "Hazard ratio (interval)", "← favours drug", "favours control →"} <= heads


@pytest.mark.parametrize(
    ("values", "unit", "logarithmic"),
    [([1e-9, 1.0], "1", False), ([1e-9, 0.01], "1", True), ([1.0, 1e9], "1", True), ([1e-9, 1.0], "mg/L", True)],
)
def test_fractions_have_linear_axes(values, unit, logarithmic):
    assert logarithmic_by_default(np.geomspace(*values, 200), unit) is logarithmic


def test_marks_of_many_arms_differ():
    bars = [(colour(k), hatch(k)) for k in range(49)]
    lines = [(line(k)["color"], str(line(k)["linestyle"])) for k in range(49)]
    assert len(set(bars)) == len(set(lines)) == 49


def test_no_line_begins_with_a_percent_sign():
    text = "4 groups of equal size, 95 % interval"
    for width in range(8, 30):
        assert not any(row.startswith("%") for row in [*in_lines(text, width).split("\n"), *wrapped(text, width).split("\n")])
    assert wrapped(text, 80) == text


def test_names_and_units_as_they_are_printed():
    assert words("il15_agonist_concentration") == "IL-15 agonist concentration"
    assert (pretty_unit("day"), pretty_unit("copy/ug"), pretty_unit("1/day")) == ("days", "copies/µg", "1/day")


def test_ends_of_lines_in_a_diagram_lie_apart():
    text = diagram(imo.combine("tumour_immune", "pd1_inhibitor", "radiotherapy"))
    ends = re.findall(r'<path d="M[\d.]+,[\d.]+C\S+ \S+ ([\d.]+),([\d.]+)" [^>]*marker-end', text)
    points = [(float(x), float(y)) for x, y in ends]
    assert len(points) > 10
    assert all(x != u or abs(y - v) >= 12 for (x, y), (u, v) in combinations(points, 2))
