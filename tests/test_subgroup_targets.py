"""Targets of hazard ratios and of subgroups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.virtual_population import (
    HazardRatioTarget,
    MedianTarget,
    QuantileTarget,
    ResponseRateTarget,
    SubgroupTarget,
    SurvivalTarget,
    VirtualPatients,
)
from immunoode.virtual_population.targets.hazard_ratio import log_hazard_ratio


def patients(n: int = 400, step: float = 0.0) -> VirtualPatients:
    """Return patients whose hazard falls with a score, less under the drug; with `step`, times are those of visits."""
    rng = np.random.default_rng(7)
    score = rng.random(n)

    def arm(rate: float) -> pd.DataFrame:
        event, end = rng.exponential(1 / (rate * np.exp(-score))), rng.uniform(100, 900, n)
        time = np.minimum(event, end)
        time = np.ceil(time / step) * step if step else time
        response = np.where(rng.random(n) < 0.2 + 0.4 * score, "PR", "SD")
        change = np.where(rng.random(n) < 0.1, np.nan, -score)
        return pd.DataFrame({"pfs_time": time, "pfs_event": event < end, "best_response": response, "best_change": change})

    return VirtualPatients(pd.DataFrame({"score": score}), {"drug": arm(0.003), "control": arm(0.006)})


def weights(n: int = 400) -> np.ndarray:
    made = np.random.default_rng(8).exponential(1, n)
    return made / made.sum()


def times(made: VirtualPatients, arm: str) -> tuple[np.ndarray, np.ndarray]:
    table = made.outcomes[arm]
    return table["pfs_time"].to_numpy(), table["pfs_event"].to_numpy()


def cox(made: VirtualPatients, weight: np.ndarray) -> float:
    parts = [table[["pfs_time", "pfs_event"]].assign(x=float(arm == "drug"), w=weight) for arm, table in made.outcomes.items()]
    table = pd.concat(parts, ignore_index=True)
    table["w"] *= 2 * len(weight) / table["w"].sum()
    from lifelines import CoxPHFitter  # takes a second to import

    fitted = CoxPHFitter().fit(table, "pfs_time", "pfs_event", weights_col="w", robust=True)
    return float(fitted.params_["x"])


@pytest.mark.parametrize(("step", "close"), [(0.0, 4e-3), (42.0, 5e-3)])
def test_the_hazard_ratio_is_that_of_lifelines(step: float, close: float) -> None:
    made = patients(step=step)
    for weight in (np.full(400, 1 / 400), weights()):
        found, influence = log_hazard_ratio(times(made, "drug"), times(made, "control"), weight)
        assert abs(found - cox(made, weight)) < close
        assert abs(weight @ influence) < 1e-10


@pytest.mark.parametrize("step", [0.0, 42.0])
def test_the_influence_is_the_derivative(step: float) -> None:
    made, weight, small = patients(step=step), weights(), 1e-6
    arms = times(made, "drug"), times(made, "control")
    found, influence = log_hazard_ratio(*arms, weight)
    for k in (0, 17, 200):
        moved = (1 - small) * weight
        moved[k] += small
        slope = (log_hazard_ratio(*arms, moved)[0] - found) / small
        assert abs(slope - influence[k]) < 1e-3 * max(1, abs(influence[k]))


@pytest.mark.parametrize("follow_up", [(200.0, 200.0), ("100 days", "500 days")])
def test_the_influence_with_a_data_cut_is_the_derivative(follow_up: tuple[str | float, str | float]) -> None:
    made, weight, small = patients(step=42.0), weights(), 1e-6
    arms = times(made, "drug"), times(made, "control")
    found, influence = log_hazard_ratio(*arms, weight, follow_up=follow_up)
    assert abs(weight @ influence) < 1e-10
    for k in (0, 17, 200):
        moved = (1 - small) * weight
        moved[k] += small
        slope = (log_hazard_ratio(*arms, moved, follow_up=follow_up)[0] - found) / small
        assert abs(slope - influence[k]) < 1e-3 * max(1, abs(influence[k]))


def test_the_hazard_ratio_at_a_data_cut_is_that_of_censored_subjects() -> None:
    made, weight = patients(step=42.0), weights()
    arms = times(made, "drug"), times(made, "control")

    def cut(until: np.ndarray, repeated: int) -> list[tuple[np.ndarray, np.ndarray]]:
        each = [(np.repeat(t, repeated), np.repeat(e, repeated)) for t, e in arms]
        ends = np.tile(until, len(weight))
        return [(np.minimum(t, ends), e & (t <= ends)) for t, e in each]

    alike = log_hazard_ratio(*cut(np.array([200.0]), 1), weight)[0]
    assert abs(log_hazard_ratio(*arms, weight, follow_up=(200.0, 200.0))[0] - alike) < 1e-12
    ends = np.linspace(100, 500, 2001)[:-1] + 0.1
    spread = log_hazard_ratio(*cut(ends, 2000), np.repeat(weight, 2000))[0]
    assert abs(log_hazard_ratio(*arms, weight, follow_up=("100 days", "500 days"))[0] - spread) < 1e-3
    assert abs(spread - log_hazard_ratio(*arms, weight)[0]) > 2e-3


def test_a_cohort_is_calibrated_to_a_hazard_ratio() -> None:
    made = patients()
    before = np.exp(log_hazard_ratio(times(made, "drug"), times(made, "control"), made.prior)[0])
    target = HazardRatioTarget.published(("drug", "control"), 0.8 * before, (0.7 * before, 0.95 * before))
    cohort = imo.calibrate(made, [target], tolerance=0)
    after = np.exp(log_hazard_ratio(times(made, "drug"), times(made, "control"), cohort.weights)[0])
    assert abs(after / (0.8 * before) - 1) < 1e-6


def test_the_band_of_a_hazard_ratio_covers_its_sampling_error() -> None:
    cohort = imo.calibrate(patients(), [ResponseRateTarget.objective("drug", 0.45, 200)])
    held = cohort.held_out([HazardRatioTarget.published(("drug", "control"), 0.5, (0.4, 0.625))])
    row = held.table.iloc[0]
    assert row["trial_upper"] - row["trial_lower"] > 2 * 1.95 * row["standard_error"]
    assert row["inside"]


SUBGROUPS = [
    ResponseRateTarget("drug", {"PR": 0.5, "SD": 0.5}, 60),
    QuantileTarget("drug", {0.25: -0.8, 0.5: -0.6}, 60),
    MedianTarget("drug", 300.0, 0.05),
    SurvivalTarget.from_published("drug", [100, 300], [0.8, 0.5], [60, 45, 25]),
]


@pytest.mark.parametrize("target", SUBGROUPS, ids=[type(t).__name__ for t in SUBGROUPS])
def test_a_statistic_of_a_subgroup_is_that_of_its_patients(target: object) -> None:
    made, weight = patients(), weights()
    inside = (made.parameters["score"] >= 0.5).to_numpy()
    record = SubgroupTarget(target, {"score": (0.5, 1.0)}).record(made, weight)  # type: ignore[arg-type]
    own = weight[inside] / weight[inside].sum()
    alone = target.record(made.take(inside), own)  # type: ignore[attr-defined]
    np.testing.assert_allclose(record.statistics(weight), alone.statistics(own), rtol=1e-12)
    np.testing.assert_allclose(record.standard_errors(weight), alone.standard_errors(own), rtol=1e-12)


def test_a_cohort_is_calibrated_within_subgroups() -> None:
    made = patients()
    halves = {"low": (-np.inf, "median"), "high": ("median", np.inf)}
    rates = {"low": 0.35, "high": 0.55}
    targets = [SubgroupTarget(ResponseRateTarget.objective("drug", rates[k], 100), {"score": halves[k]}) for k in halves]
    cohort = imo.calibrate(made, targets, tolerance=0)
    for name, target in zip(halves, targets, strict=True):
        inside = target.members(made, cohort.weights)
        responded = made.outcomes["drug"]["best_response"][inside] == "PR"
        assert abs(cohort.weights[inside] @ responded / cohort.weights[inside].sum() - rates[name]) < 5e-3


def test_words_are_a_subgroup_and_nobody_is_none() -> None:
    made, weight = patients(), weights()
    responders = SubgroupTarget(MedianTarget("drug", 300.0, 0.05), {"best_response": ("PR", "CR")})
    assert responders.label == "median PFS of drug among best response PR or CR"
    assert (responders.members(made, weight) == (made.outcomes["drug"]["best_response"] == "PR")).all()
    with pytest.raises(DataError, match="no virtual patient is in the subgroup"):
        SubgroupTarget(MedianTarget("drug", 300.0, 0.05), {"score": (2, 3)}).record(made, weight)


@pytest.mark.parametrize("among", [{}, {"score": (1, 0)}, {"score": (1,)}, {"score": 3}, {"score": ("median", "x")}, None])
def test_wrong_limits(among: object) -> None:
    with pytest.raises(DataError, match="among"):
        SubgroupTarget(MedianTarget("drug", 300.0, 0.05), among)  # type: ignore[arg-type]


def test_wrong_hazard_ratios() -> None:
    for arms, ratio, interval in (
        (("a", "a"), 0.5, (0.4, 0.6)),
        (("a",), 0.5, (0.4, 0.6)),
        (("a", "b"), -1, (0.4, 0.6)),
        (("a", "b"), 0.5, (0.6, 0.7)),
        (("a", "b"), 0.5, (0.4,)),
    ):
        with pytest.raises(DataError):
            HazardRatioTarget.published(arms, ratio, interval)  # type: ignore[arg-type]
    for follow_up in ("11 months", ("11 months",), (20.0, 10.0), (0, 10.0), ("soon", 10.0), (1.0, np.inf)):
        with pytest.raises(DataError, match="follow_up"):
            HazardRatioTarget.published(("a", "b"), 0.5, (0.4, 0.6), follow_up=follow_up)  # type: ignore[arg-type]
    made = patients()
    made.outcomes["drug"]["pfs_event"] = False
    with pytest.raises(DataError, match="an arm has no event"):
        HazardRatioTarget(("drug", "control"), 0.5, 0.1).record(made, made.prior)
