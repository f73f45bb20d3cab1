"""What `optimise` refuses, and what it says of limits that cannot be kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import ImmunoodeError, SolveError
from immunoode.model.components import Parameter
from immunoode.optimisation import Choice, pareto_front
from immunoode.optimisation.calendars import on_calendar
from tests.optimisation_models import log_kill

REGIMEN = imo.Regimen().dose("dose", 1.0, every="1 week", count=4)
PATIENTS = pd.DataFrame({"weight": [50.0, 100.0]})


def _weighed():
    """Return `log_kill` with doses in mg and a weight."""
    model = log_kill()
    return replace(
        model,
        covariates={"weight": Parameter(70.0, "kg")},
        parameters={**model.parameters, "milligram": Parameter(1.0, "mg")},
        compartments={**model.compartments, "drug": replace(model.compartments["drug"], unit="mg")},
        inputs={"dose": replace(model.inputs["dose"], unit="mg")},
        pulses={"kill": replace(model.pulses["kill"], fraction="1 - exp(-kill * dose / milligram)")},
    )


def _refused(said: str, **how: object) -> None:
    given = {"model": log_kill(), "regimen": REGIMEN, "until": 35, "choose": {"amount(dose)": (0, 1)}}
    given |= {"minimise": "tumour: final", "starts": 1, **how}
    with pytest.raises(ImmunoodeError) as error:
        imo.optimise(given.pop("model"), given.pop("regimen"), given.pop("until"), **given)
    assert said in str(error.value)


def test_doses_per_kilogram_are_not_those_of_the_first_patient() -> None:
    per_kg = imo.Regimen().dose("dose", "0.02 mg/kg", every="1 week", count=2)
    own = {"model": _weighed(), "regimen": per_kg}
    _refused("is in 'mg', but the regimen's dose is in 'mg/kg'", **own)
    _refused("weight, which differs between the patients", **own, choose={"time(dose, 1)": (1, 9)}, patients=PATIENTS)
    limit = {"subject_to": "cumulative(dose) <= 3"}

    def scaled(dose):
        return imo.Regimen().dose("dose", f"{dose} mg/kg")

    chosen = {"regimen": scaled, "choose": {"dose": (0, 0.05)}}
    _refused("differs between patients, because doses depend", **{**own, **chosen, **limit}, patients=PATIENTS)
    found = imo.optimise(_weighed(), scaled, 10, choose={"dose": (0, 0.05)}, minimise="tumour: final", patients=PATIENTS)
    np.testing.assert_allclose(found.patient_values, np.exp(1 - 0.5 * 0.05 * PATIENTS["weight"]), rtol=1e-4)


def test_a_step_is_within_the_bounds_and_many_numbers_stay_on_the_calendar() -> None:
    with pytest.raises(SolveError, match="has the step 500; a positive step of at most 190"):
        Choice(10, 200, step=500)

    class Nothing:
        objective, limits = type("O", (), {"sign": 1.0}), ()

        def several(self, many):
            return [type("V", (), {"objective": 0.0, "limits": ()}) for _ in many]

    ten = np.ones(10)
    assert on_calendar(110 * ten, Nothing(), 0 * ten, 110 * ten, 30 * ten).max() <= 90


@pytest.mark.parametrize("regimen", ["named", "affine", "curved"])
def test_doses_stay_within_the_simulation(regimen: str) -> None:
    said = "can move a dose to day 60, after the end of the simulation, day 35"
    if regimen == "named":
        _refused(said, choose={"time(dose, 3)": (20, 60)})
        one = imo.optimise(log_kill(), REGIMEN, 35, choose={"time(dose, 3)": [20, 60]}, minimise="tumour: final")
        assert one.choices == {"time(dose, 3)": 20} and said in one.report()
        return
    power = 1 if regimen == "affine" else 0.5
    _refused(said, regimen=lambda day: imo.Regimen().dose("dose", 1, start=day**power), choose={"day": (1, 60 ** (1 / power))})


def test_a_limit_that_cannot_be_kept_is_violated() -> None:
    found = imo.optimise(
        log_kill(), REGIMEN, 35, choose={"amount(dose)": (0, 1)}, minimise="tumour: final", subject_to="tumour: final <= 1"
    )
    (row,) = found.limits_table().itertuples()
    assert not row.active and row.violated_by == pytest.approx(np.exp(3.5 - 2) - 1, rel=1e-4) and np.isnan(row.gain_per_unit)
    text = found.report()
    assert "violated by 3.482" in text and "relaxing it by one unit gains" not in text and "residual" not in text


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"minimise": 3}, "quantity: is 3"),
        ({"subject_to": None}, "subject_to: is None"),
        ({"subject_to": [3]}, "subject_to: 3: is not understood"),
        ({"over": 3}, "statistic 3: is not known"),
        ({"until": None}, "until: is None"),
        ({"starts": "x"}, "starts: is 'x'"),
        ({"tolerance": "x"}, "tolerance: is 'x'"),
        ({"tolerance": -1}, "tolerance: is -1"),
        ({"generations": 0, "seed": -1}, "2 problems"),
        ({"choose": {"amount(dose)": ("1 mg", "5 mg")}}, "is '1 mg'"),
        ({"minimise": "tumour: at(90)"}, "outside days 0 to 35"),
        ({"regimen": lambda amount: REGIMEN, "choose": {"dose": (0, 1)}}, "a function that takes the choices: dose"),
        ({"choose": {"amount(dose)": ["a", 1]}}, "has the option 'a'"),
        ({"choose": {"amount(dose)": Choice(0, 1, size=3)}}, "is 3 numbers for 4 doses"),
        ({"solver": 3}, "solver: is 3"),
        ({"subject_to": "tumour: final <= 4e"}, "is not understood"),
        ({"minimise": "effective_dose(dose, alpha_beta=0)"}, "a positive alpha_beta"),
        ({"times": [3, 1]}, "increasing days"),
    ],
)
def test_arguments_of_the_wrong_kind(how: dict, said: str) -> None:
    _refused(said, **how)


def test_a_front_is_one_line() -> None:
    front = pareto_front(
        log_kill(), REGIMEN, 35, choose={"amount(dose)": (0, 1)}, minimise="tumour: final", against="cumulative(dose)", points=2
    )
    assert repr(front).startswith("<ParetoFront: ") and "\n" not in repr(front) and len(repr(front)) < 200
