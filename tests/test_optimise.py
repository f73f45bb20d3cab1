"""Optimal schedules: published and closed-form optima, gradients, limits, calendars, statements about flatness."""

from __future__ import annotations

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from immunoode.optimisation import Choice
from immunoode.optimisation.problem import schedule_problem
from immunoode.optimisation.statistics import statistic
from tests.long_forms import spread
from tests.optimisation_models import HORIZON, leukaemia, log_kill, ramps


def problem(model, regimen, until, choose, **how):
    given = {"maximise": False, "over": "mean", "subject_to": (), "parameters": None, "patients": None, "times": None}
    return schedule_problem(model, regimen, until, choose, solver=None, **{**given, **how})


@pytest.mark.slow
def test_sharp_2019_is_met() -> None:
    untreated = imo.simulate(leukaemia(), until=HORIZON, outputs="cost")["cost"][-1]
    assert untreated == pytest.approx(6.90108, rel=1e-5)
    found = imo.optimise(
        leukaemia(),
        ramps,
        HORIZON,
        choose={"u": Choice(0, 1, start=0.1, size=9)},
        minimise="cost: final",
        starts=1,
        flatness=False,
    )
    assert found.objective == pytest.approx(0.716604, rel=5e-3)
    assert found.choices["u"].max() == pytest.approx(0.37123, rel=5e-3)
    assert found.optimality.residual < 1e-4


def test_log_kill_of_exponential_growth_is_flat() -> None:
    found = imo.optimise(
        log_kill(),
        imo.Regimen().dose("dose", 1.0, every="1 week", count=4),
        "5 weeks",
        choose={f"amount(dose, {k})": (0, 4) for k in range(4)},
        minimise="log(tumour): final",
        subject_to=["cumulative(dose) <= 6"],
        starts=2,
    )
    assert found.objective == pytest.approx(0.1 * 35 - 0.5 * 6, abs=1e-6)
    assert found.flatness.is_flat
    assert "flat: all schedules with cumulative(dose) = 6 are equal" in found.report()
    (row,) = found.limits_table().itertuples()
    assert row.active and row.gain_per_unit == pytest.approx(0.5, rel=1e-5)


@pytest.mark.slow
def test_what_is_not_flat_is_not_called_flat() -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    found = imo.optimise(
        model,
        imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=2),
        "10 weeks",
        choose={"amount(docetaxel, 0)": (0, 200), "amount(docetaxel, 1)": (0, 200)},
        minimise="sum_of_diameters: final",
        subject_to=["cumulative(docetaxel) <= 250"],
        starts=2,
    )
    assert found.agreeing == 2 and not found.flatness.is_flat and "not flat" in found.report()


def _regimen(dose, interval, start):
    first = imo.Regimen().dose("docetaxel", dose, every=interval, count=3, over="1 hour", start=3)
    return first.dose("docetaxel", 0.5 * dose, start=start)


@pytest.mark.parametrize(
    "aim", spread(["log(tumour): final", "sum_of_diameters: minimum", "effectors: area", "tumour: at(33)"], 1)
)
def test_gradients_are_those_of_differences(aim: str) -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    choose = {"dose": (20, 200), "interval": (7, 28), "start": (60, 90)}
    solver = imo.SolverOptions(rtol=1e-10)
    made = problem(
        model, _regimen, "100 days", choose, aim=aim, subject_to=("interval(docetaxel) >= 7", "cumulative(docetaxel) <= 300")
    )
    evaluator = type(made)(**{**made.__dict__, "solver": solver}).evaluator({})
    x = np.array([90.0, 17.13, 70.1])
    found = evaluator(x, gradients=True)
    for i, step in enumerate((1e-2, 1e-3, 1e-3)):
        up, down = evaluator(x + step * np.eye(3)[i]), evaluator(x - step * np.eye(3)[i])
        assert found.gradient[i] == pytest.approx((up.objective - down.objective) / (2 * step), rel=2e-4)
        for by, high, low in zip(found.limit_gradients, up.limits, down.limits, strict=True):
            np.testing.assert_allclose(by[:, i], (high - low) / (2 * step), rtol=1e-6, atol=1e-9)


def test_both_methods_agree_and_limits_on_outputs_are_kept() -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    regimen = imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=2)
    free = imo.simulate(model, regimen, times=np.linspace(0, 70, 401), outputs="effectors")["effectors"].min()
    found = [
        imo.optimise(
            model,
            regimen,
            "10 weeks",
            choose={"amount(docetaxel)": (0, 200)},
            minimise="sum_of_diameters: final",
            subject_to=[f"effectors: minimum >= {free:.9g}"],
            method=method,
            starts=1,
            flatness=False,
        )
        for method in ("slsqp", "trust-constr")
    ]
    assert found[0].choices["amount(docetaxel)"] == pytest.approx(found[1].choices["amount(docetaxel)"], rel=1e-2)
    assert found[0].choices["amount(docetaxel)"] == pytest.approx(100, rel=1e-3)
    assert all(one.feasible for one in found)


@pytest.mark.slow
def test_a_calendar_states_its_loss_and_is_the_best_of_all_cells() -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    regimen = imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=2)
    found = imo.optimise(
        model,
        regimen,
        "10 weeks",
        choose={f"amount(docetaxel, {k})": Choice(0, 200, step=40) for k in range(2)},
        minimise="sum_of_diameters: final",
        subject_to=["cumulative(docetaxel) <= 250"],
        starts=1,
        flatness=False,
    )
    levels = [(a, b) for a in range(0, 201, 40) for b in range(0, 201, 40) if a + b <= 250]
    every = {
        pair: imo.simulate(
            model,
            imo.Regimen().dose("docetaxel", pair[0]).dose("docetaxel", pair[1], start=21),
            times=[0, 70],
            outputs="sum_of_diameters",
        )["sum_of_diameters"][-1]
        for pair in levels
    }
    best = min(every, key=every.__getitem__)
    assert tuple(found.choices.values()) == best
    assert found.calendar.loss == pytest.approx(every[best] - found.calendar.objective, rel=1e-6) and found.calendar.loss > 0


def test_statistics_are_those_of_scipy() -> None:
    from scipy.stats.mstats import hdquantiles

    values = np.random.default_rng(1).normal(size=101)
    equal = np.full(101, 1 / 101)
    found = values @ statistic("quantile(0.8)").weights(values, equal, worst_is_large=True)
    assert found == pytest.approx(hdquantiles(values, [0.8])[0], rel=1e-12)
    tail = values @ statistic("cvar(0.8)").weights(values, equal, worst_is_large=False)
    assert tail == pytest.approx((np.sort(values)[:20].sum() + 0.2 * np.sort(values)[20]) / 20.2, rel=1e-12)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"choose": {"amount(x)": (0, 1)}}, "refers to a therapy that the regimen does not give"),
        ({"choose": {"amount(dose, 7)": (0, 1)}}, "the regimen has 4 doses of it"),
        ({"choose": {"dose": (0, 1)}}, "is not a dose of the regimen"),
        ({"choose": {}}, "is empty"),
        ({"choose": {"amount(dose)": (1, 0)}}, "a lower bound below an upper one"),
        ({"minimise": "tumor: final"}, "did you mean 'tumour'"),
        ({"minimise": "tumour: last"}, "is not known"),
        ({"minimise": None}, "but has neither"),
        ({"subject_to": ["tumour"]}, "is not understood"),
        ({"subject_to": ["cumulative(drug) <= 1"]}, "refers to 'drug', which is not given"),
        ({"over": "median"}, "'mean', 'quantile(0.9)' or 'cvar(0.9)'"),
        ({"method": "newton"}, "slsqp or trust-constr"),
    ],
)
def test_errors_say_what_is_right(how: dict, said: str) -> None:
    regimen = imo.Regimen().dose("dose", 1.0, every="1 week", count=4)
    given = {"choose": {"amount(dose)": (0, 1)}, "minimise": "tumour: final", "starts": 1, **how}
    with pytest.raises(SolveError) as error:
        imo.optimise(log_kill(), regimen, "5 weeks", **given)
    assert said in str(error.value)
