"""Results of optimal schedules, dose finding and sensitivity carry units, which their axes and reports state."""

import matplotlib

matplotlib.use("Agg")
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import immunoode as imo
from immunoode.model.closed_model import resolve
from immunoode.optimisation.choices import choices
from immunoode.optimisation.endpoints import endpoint
from immunoode.optimisation.quantity_units import choice_units, endpoint_unit
from immunoode.plot.endpoint_labels import in_words, valued, with_unit

MODEL = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
TWO = imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=2)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("size: final", "mm"),
        ("size: at(90)", "mm"),
        ("size: area", "mm*day"),
        ("size: best_change", "1"),
        ("log(size): minimum", "1"),
        ("size: first_above(84)", "day"),
    ],
)
def test_the_unit_of_an_endpoint(text, unit):
    assert endpoint_unit(endpoint(text), "mm") == unit


@pytest.mark.parametrize(
    ("unit", "area"), [("1", "day"), ("mg/L", "mg*day/L"), ("1/day", "day/day"), ("(mg/L)^2", "((mg/L)^2)*day")]
)
def test_the_unit_of_an_area(unit, area):
    assert endpoint_unit(endpoint("size: area"), unit) == area


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sum_of_diameters: final", "Final sum of diameters"),
        ("tumour: area", "Area under tumour"),
        ("log(tumour): at(90)", "Logarithm of tumour on day 90"),
        ("tumour: first_below(20)", "First day with tumour below 20"),
        ("cumulative(docetaxel)", "Total dose of docetaxel"),
        ("interval(docetaxel)", "Interval between doses of docetaxel"),
        ("effective_dose(radiotherapy, alpha_beta=3, sparing=0.5)", "Biologically effective dose of radiotherapy (α/β 3 Gy, "
         "sparing factor 0.5)"),
        ("amount(docetaxel, 0)", "Dose 1 of docetaxel"),
        ("time(docetaxel)", "Time of dose of docetaxel"),
        ("quantile(0.9) of sum_of_diameters: final", "90 % quantile of final sum of diameters"),
        ("cvar(0.9) of sum_of_diameters: final", "Mean of the worst 10 % of final sum of diameters"),
    ],
)  # fmt: skip
def test_endpoints_in_words(text, words):
    assert in_words(text) == words


def test_units_stand_behind_quantities_and_behind_the_numbers_of_events():
    units = {"transgene: at(180)": "copy/ug", "dose": "mg", "wait": "day"}
    assert with_unit("transgene: at(180)", units) == "Transgene on day 180 (copies/µg)"
    assert with_unit("transgene: at(180) >= 50", units) == "Transgene on day 180 ≥ 50 copies/µg"
    assert with_unit("other", units) == "Other" and with_unit("wait", units) == "Wait (days)"
    assert valued("dose", 74.99999, units) == "dose 75 mg"


def test_choices_have_the_unit_that_the_regimen_states():
    def regimen(dose, per_kg, wait, doses, twice):
        first = imo.Regimen().dose("docetaxel", dose, every=wait, count=doses)
        return first.dose("docetaxel", f"{per_kg} mg/kg", start=80).dose("docetaxel", 2 * twice + 1, start=90)

    chosen = choices({"dose": (0, 100), "per_kg": [1, 2], "wait": [7, 14, 21], "doses": [2, 3], "twice": (0, 50)})
    found = choice_units(lambda values: regimen(**values), chosen, resolve(MODEL))
    assert found == {"dose": "mg", "per_kg": "mg/kg", "wait": "day", "doses": "1"}


def test_a_choice_that_is_several_things_or_changes_the_number_of_doses_has_no_unit():
    def regimen(both, doses):
        made = imo.Regimen().dose("docetaxel", both, every=both, count=2)
        for k in range(doses):
            made = made.dose("docetaxel", 75, start=100 + k)
        return made

    found = choice_units(lambda values: regimen(**values), choices({"both": (10, 50), "doses": [2, 3]}), resolve(MODEL))
    assert found == {}


@pytest.mark.slow
def test_optimal_schedules_state_units():
    best = imo.optimise(
        MODEL,
        TWO,
        "8 weeks",
        choose={"amount(docetaxel, 0)": (0, 200), "time(docetaxel, 1)": (10, 30)},
        minimise="sum_of_diameters: final",
        subject_to=["cumulative(docetaxel) <= 150"],
        starts=1,
        flatness=False,
    )
    assert best.units["sum_of_diameters: final"] == "mm" and best.units["cumulative(docetaxel)"] == "mg"
    assert best.units["amount(docetaxel, 0)"] == "mg" and best.units["time(docetaxel, 1)"] == "day"
    assert best.plot().get_ylabel() == "Dose of\ndocetaxel\n(mg)" and set(best.to_frame()["unit"]) == {"mg"}
    report = best.report()
    assert " mm (start" in report and "cumulative(docetaxel) <= 150: 150 mg" in report and "time(docetaxel, 1) = " in report


@pytest.mark.slow
def test_the_axes_of_a_pareto_front_state_units():
    front = imo.optimisation.pareto_front(
        MODEL,
        TWO,
        "8 weeks",
        choose={"amount(docetaxel)": (0, 200)},
        minimise="sum_of_diameters: final",
        against="cumulative(docetaxel)",
        points=3,
        starts=1,
    )
    axes = front.plot()
    assert axes.get_xlabel() == "Total dose of docetaxel (mg)" and axes.get_ylabel() == "Final sum of diameters (mm)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["best schedules", "knee"]
    assert front.to_frame().attrs["units"]["cumulative(docetaxel)"] == "mg" and " mg: " in front.report()


def test_dose_finding_states_the_units_of_doses():
    found = imo.optimisation.find_dose(
        MODEL,
        lambda dose, wait: imo.Regimen().dose("docetaxel", f"{dose} mg", every=f"{wait} days", count=2),
        "9 weeks",
        doses={"dose": [0, 100], "wait": [14, 21]},
        patients=pd.DataFrame({"growth_rate": [0.002, 0.004]}),
        response="sum_of_diameters: best_change <= -0.05",
        toxicity="effectors: final_change <= -0.9",
    )
    assert (found.units["dose"], found.units["wait"]) == ("mg", "day")
    axes = found.plot()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Wait (days)", "Dose (mg)")
    assert all(text.get_bbox_patch() is not None for text in axes.texts)  # numbers interrupt the contours
    assert found.plot_doses().get_xlabel() == "Dose (mg)" and "dose = 100 mg" in found.report()


def test_sensitivity_states_units_of_outputs_and_parameters():
    vp = imo.virtual_population
    ranges = {"growth_rate": vp.Uniform(0.001, 0.01), "kill_rate": vp.Uniform(0.5, 2.0)}
    found = imo.global_sensitivity(MODEL, ranges, "sum_of_diameters: final", method="tornado", until="8 weeks")
    assert found.units == {"growth_rate": "1/day", "kill_rate": "1/day", "sum_of_diameters: final": "mm"}
    assert found.plot().get_xlabel() == "Final sum of diameters (mm)"
    assert found.plot_scatter(most=1).flat[0].get_xlabel().endswith("(1/day)")
    event = imo.global_sensitivity(MODEL, ranges, "sum_of_diameters: final >= 80", method="regional", until="8 weeks", n=32)
    assert event.plot().get_title() == "Regional sensitivity: Final sum of diameters ≥ 80 mm"
