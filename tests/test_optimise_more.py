"""Fractionation in closed form, thresholds of rules, cohorts, Pareto fronts and dose finding."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from immunoode.optimisation import Choice, find_dose, fractionation, pareto_front
from immunoode.virtual_population import LogNormal
from tests.optimisation_models import linear_quadratic, log_kill
from tests.test_optimise import problem

TISSUE = {"tissue_alpha_beta": 3.0, "tissue_effective_dose": 70.0}


@pytest.mark.parametrize("sparing", [0.6, 1.0])
@pytest.mark.parametrize("alpha_beta", np.linspace(1.1, 12, 15).tolist())
def test_hypofractionation_wins_exactly_below_the_ratio_over_the_sparing_factor(alpha_beta: float, sparing: float) -> None:
    found = fractionation(0.2, alpha_beta, sparing=sparing, **TISSUE)
    assert found.hypofractionated == (alpha_beta < 3.0 / sparing)
    assert found.fractions == (1 if found.hypofractionated else 60)


@pytest.mark.parametrize(("alpha_beta", "growth"), [(10, 0.1), (8, 0.2), (12, 0.05), (2, 0.1)])
def test_the_closed_number_of_fractions_is_the_best_of_all(alpha_beta: float, growth: float) -> None:
    found = fractionation(0.3, alpha_beta, growth_rate=growth, sparing=0.8, **TISSUE)
    s = np.sqrt(1 + 4 * 70 / (np.arange(1, 61) * 3))
    dose = 3 * (s - 1) / 1.6
    n = np.arange(1, 61)
    tissue = n * 0.8 * dose * (1 + 0.8 * dose / 3)
    np.testing.assert_allclose(tissue, 70, rtol=1e-12)
    kill = 0.3 * n * dose * (1 + dose / alpha_beta) - growth * (n - 1)
    assert found.fractions == n[kill.argmax()] and found.log_kill == pytest.approx(kill.max(), rel=1e-12)


def test_optimise_finds_the_closed_fractionation() -> None:
    exact = fractionation(0.3, 10, growth_rate=0.2, sparing=0.8, **TISSUE)
    options = [exact.fractions - 1, exact.fractions, exact.fractions + 1]
    found = imo.optimise(
        linear_quadratic(0.3, 10, 0.2),
        lambda n, dose: imo.Regimen().dose("fraction", dose, every=1, count=n),
        30,
        choose={"n": options, "dose": (0.1, 6)},
        minimise="log(tumour): final",
        subject_to=["effective_dose(fraction, alpha_beta=3, sparing=0.8) <= 70"],
        starts=1,
        flatness=False,
    )
    # the simulation ends at one time for all, so that growth after the last fraction counts as well
    assert found.choices["dose"] == pytest.approx(
        fractionation(0.3, 10, sparing=0.8, most_fractions=found.choices["n"], **TISSUE).dose, rel=1e-6
    )
    at_end = {one.choices["n"]: 0.2 * 30 - one.objective for one in (found, *found.alternatives)}
    less_growth = {n: kill - 0.2 * (n - 1) for n, kill in at_end.items()}
    assert max(less_growth, key=less_growth.__getitem__) == exact.fractions
    assert less_growth[exact.fractions] == pytest.approx(exact.log_kill, rel=1e-5)


@pytest.mark.slow
def test_a_threshold_of_a_rule_is_searched() -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))

    def rule(hold: float) -> imo.Regimen:
        weekly = imo.Regimen().dose("docetaxel", 150, every="1 week", count=8)
        return weekly.when("effectors", below=hold, of="baseline", then="hold", every="1 week")

    how = {"times": np.linspace(0, 63, 401), "outputs": ["sum_of_diameters", "effectors"]}
    runs = [imo.simulate(model, rule(h), **how) for h in np.linspace(0.2, 1, 41)]
    least = 0.999999 * float(np.median([r["effectors"].min() for r in runs]) + max(r["effectors"].min() for r in runs)) / 2
    found = imo.optimise(
        model,
        rule,
        "9 weeks",
        choose={"hold": (0.2, 1.0)},
        minimise="sum_of_diameters: final",
        subject_to=[f"effectors: minimum >= {least:.6g}"],
        generations=6,
    )
    kept = [r["sum_of_diameters"][-1] for r in runs if r["effectors"].min() >= least]
    assert found.feasible and found.objective <= min(kept) * (1 + 1e-3)
    assert found.optimality is None and "which does not prove optimality" in found.report()


def _cohort(n: int) -> pd.DataFrame:
    random = np.random.default_rng(3)
    growth, kill = np.exp(0.3 * random.standard_normal(n)), np.exp(0.5 * random.standard_normal(n))
    return pd.DataFrame({"growth": 0.1 * growth, "kill": 0.5 * kill})


@pytest.mark.parametrize("over", ["mean", "quantile(0.9)", "cvar(0.8)"])
def test_gradients_of_statistics_are_those_of_differences(over: str) -> None:
    regimen = imo.Regimen().dose("dose", 1.0, every="1 week", count=3)
    choose = {f"amount(dose, {k})": (0, 4) for k in range(3)}
    made = problem(log_kill(), regimen, 25, choose, aim="tumour: final", patients=_cohort(64), over=over).evaluator({})
    x, step = np.array([0.5, 1.0, 1.5]), 1e-4
    found = made(x, gradients=True).gradient
    for i in range(3):
        up, down = made(x + step * np.eye(3)[i]).objective, made(x - step * np.eye(3)[i]).objective
        assert found[i] == pytest.approx((up - down) / (2 * step), rel=1e-3)


@pytest.mark.slow
def test_the_robust_optimum_is_beside_the_typical_patients() -> None:
    """A patient of little sensitivity needs the dose: the worst tenth weighs the tumour more than the typical patient does."""
    regimen = imo.Regimen().dose("dose", 1.0)
    found = imo.optimise(
        _with_harm(),
        regimen,
        10,
        choose={"amount(dose)": Choice(0, 12, start=2)},
        minimise="burden: final",
        patients=_cohort(400),
        over="cvar(0.9)",
        starts=2,
    )
    assert found.typical.choices["amount(dose)"] < found.choices["amount(dose)"]
    assert found.objective < found.typical_in_cohort and "the robust optimum gains" in found.report()
    assert found.patient_values.shape == (400,)


def _with_harm():
    """Return `log_kill` with a burden: the tumour, and a tenth of the dose."""
    from dataclasses import replace

    from immunoode.model.components import Derived, Flow

    model = log_kill()
    return replace(
        model,
        compartments={**model.compartments, "given": model.compartments["drug"]},
        flows={**model.flows, "record": Flow(target="given", rate="loss * drug")},
        derived={"burden": Derived("tumour + 0.1 * (given + drug)")},
    )


def test_areas_are_exact_for_doses_at_any_time() -> None:
    """A sum over reports would jump when a dose passes one; the area under an eliminated drug has a closed form."""
    made = problem(
        log_kill(), lambda start: imo.Regimen().dose("dose", 2.0, start=start), 10, {"start": (1, 9)}, aim="drug: area"
    ).evaluator({})
    found = made(np.array([4.3]), gradients=True)
    assert found.objective == pytest.approx(2 * (1 - np.exp(-5.7)), rel=1e-6)
    assert found.gradient[0] == pytest.approx(-2 * np.exp(-5.7), rel=1e-4)


def test_a_pareto_front_has_no_schedule_that_another_one_beats() -> None:
    front = pareto_front(
        _with_harm(),
        imo.Regimen().dose("dose", 1.0, every=5, count=2),
        10,
        choose={"amount(dose, 0)": (0, 4), "amount(dose, 1)": (0, 4)},
        minimise="tumour: final",
        against="cumulative(dose)",
        points=5,
        starts=1,
    )
    values, objectives = np.array(front.values), np.array([one.objective for one in front.optima])
    np.testing.assert_allclose(values, [0, 2, 4, 6, 8], atol=1e-6)
    np.testing.assert_allclose(objectives, np.exp(1 - 0.5 * values), rtol=1e-5)
    assert front.knee == 1 and "knee" in front.report() and len(front.to_frame()) == 5
    assert front.plot().get_ylabel() == "Final tumour"


def test_dose_finding_counts_patients() -> None:
    cohort = _cohort(200)
    found = find_dose(
        log_kill(),
        lambda dose, interval: imo.Regimen().dose("dose", dose, every=interval, count=2),
        14,
        doses={"dose": [0, 2, 4], "interval": [3, 7]},
        patients=cohort,
        response="tumour: final_change <= -0.3",
        toxicity="drug: maximum >= 3.9",
        weight=0.5,
        subjects=50,
    )
    expected = [np.mean(np.exp(14 * cohort["growth"] - 2 * d * cohort["kill"]) <= 0.7) for d in (0, 2, 4) for _ in (3, 7)]
    np.testing.assert_allclose(found.response, expected, atol=1e-12)
    np.testing.assert_allclose(found.toxicity, [0, 0, 0, 0, 1, 1])
    spread = found.draws[:, 2].std()
    assert spread == pytest.approx(np.sqrt(expected[2] * (1 - expected[2]) / 50), rel=0.1)
    assert found.best["dose"] == 2 and found.probability_best.sum() == pytest.approx(1)
    assert found.plot().get_xlabel() == "Interval (days)"
    plt.close("all")
    assert found.plot_doses().get_xlabel() == "Dose"


@pytest.mark.slow
def test_an_antibody_before_or_with_radiation_is_better_than_after_it() -> None:
    """Kosinsky et al. 2018: anti-PD-L1 before or concurrently with radiation does most in CT26 mice.

    The variation of infiltration (0.696 on the logarithmic scale) is that of their table 1, the schedules are
    this test's: 5 x 2 Gy, and six doses of the antibody from 3 days before, the first day, the last day, and 7 days after it.
    """
    model, days = imo.load_model("kosinsky2018"), {"before": 4, "first day": 7, "last day": 11, "7 days after": 18}
    infiltration = LogNormal(8.89, 0.696).ppf((np.arange(128) + 0.5) / 128)

    def schedule(antibody: str) -> imo.Regimen:
        radiation = imo.Regimen().dose("fraction", 2, every="1 day", count=5, start=7)
        return radiation.dose("antibody", 0.2, every=3.5, count=6, start=days[antibody])

    found = imo.optimise(
        model,
        schedule,
        30,
        choose={"antibody": list(days)},
        minimise="tumour_volume: final",
        patients=pd.DataFrame({"priming_half": infiltration}),
        over="quantile(0.5)",
    )
    ranked = [one.choices["antibody"] for one in (found, *found.alternatives)]
    assert ranked == ["before", "first day", "last day", "7 days after"]
    assert found.alternatives[-1].objective > 20 * found.alternatives[0].objective


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fractionation(-1, 10, **TISSUE), "alpha: is -1; a positive number"),
        (lambda: imo.optimisation.Endpoint("tumour", "first_over(3)"), "is not known"),
        (
            lambda: pareto_front(
                log_kill(),
                imo.Regimen().dose("dose", 1.0),
                10,
                choose={"amount(dose)": (0, 4)},
                minimise="tumour: final",
                against="tumour: final",
                starts=1,
            ),
            "so there is no trade-off",
        ),
    ],
)
def test_errors(call, said: str) -> None:
    with pytest.raises(SolveError, match=said.replace("(", r"\(")):
        call()
