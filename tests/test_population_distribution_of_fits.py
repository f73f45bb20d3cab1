"""The distribution of patients that a population fit estimated: as its own simulated patients, with and without uncertainty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import immunoode as imo
from immunoode.errors import PopulationError
from immunoode.model.components import Parameter
from immunoode.population.result import PopulationResult
from immunoode.virtual_population import Fixed, LogNormal, PopulationDistribution, read_population, save_population
from tests.population_models import crossover, decay_model, decays, theophylline_model

N = 20_000
pytestmark = pytest.mark.filterwarnings("ignore::immunoode.errors.OutOfBoundsWarning")


@pytest.fixture(scope="module")
def fit() -> PopulationResult:
    frame = decays(30, covariate=0.5, correlation=0.6)
    data = imo.read_trial(frame, covariates=frame.groupby("subject")[["age"]].first())
    how = {"random": ["rate", "amount"], "correlated": True, "covariates": {"rate": "age"}, "start": 0.0}
    return imo.fit_population(decay_model(), data, error="proportional", method="focei", progress=False, **how)


def test_its_patients_are_those_of_the_fit(fit: PopulationResult) -> None:
    made = PopulationDistribution.from_fit(fit)
    assert isinstance(made.parameters["rate"].distribution, LogNormal)  # type: ignore[union-attr]
    assert made.tables[0].columns == ("shift(rate)",) and len(made.tables[0].rows) == 30
    ours = np.log(imo.sample_patients(decay_model(), made, N, seed=1))
    theirs = np.log(fit.patients(N, seed=2)[["rate", "amount"]])
    assert list(ours.columns) == ["rate", "amount"]
    assert ours.mean().to_numpy() == pytest.approx(theirs.mean().to_numpy(), abs=0.02)
    assert ours.cov().to_numpy() == pytest.approx(theirs.cov().to_numpy(), abs=0.012)
    shift = made.tables[0].values[:, 0]
    assert ours["rate"].var() == pytest.approx(fit.omega.loc["rate", "rate"] + shift.var(), rel=0.04)
    assert ours["amount"].var() == pytest.approx(fit.omega.loc["amount", "amount"], rel=0.04)


def test_it_can_be_truncated(fit: PopulationResult) -> None:
    """A patient whose covariates move the typical value is drawn from the distribution about that value, within the bounds."""
    model = decay_model()
    narrow = replace(model, parameters={**model.parameters, "rate": replace(model.parameters["rate"], bounds=(0.1, 0.3))})
    made = PopulationDistribution.from_fit(fit)
    within = imo.sample_patients(narrow, made.truncated_to(narrow), N, seed=1)["rate"]
    free = imo.sample_patients(model, made, N, seed=2)["rate"]
    assert within.between(0.1, 0.3).all()
    means = np.log(made.entries["rate"].distribution.ppf(0.5)) + made.tables[0].values[:, 0]
    sd = made.entries["rate"].distribution.sd  # type: ignore[attr-defined]
    ends = [stats.truncnorm((np.log(0.1) - m) / sd, (np.log(0.3) - m) / sd, m, sd) for m in means]
    assert stats.kstest(np.log(within), lambda x: np.mean([e.cdf(x) for e in ends], axis=0)).pvalue > 1e-3
    assert not free.between(0.1, 0.3).all()


@pytest.mark.slow
def test_covariates_and_fixed_parameters_of_the_model_are_those_of_the_subjects() -> None:
    frame = decays(8)
    model = decay_model()
    known = {"weight": Parameter(70.0, "kg"), "other": Parameter(1.0, "1")}
    model = replace(model, parameters={**model.parameters, "other": known["other"]}, covariates={"weight": known["weight"]})
    weights = 50.0 + 5 * np.arange(8)
    data = imo.read_trial(frame, covariates=pd.DataFrame({"weight": weights}, index=[f"s{i}" for i in range(8)]))
    how = {"random": ["rate"], "vary": ["rate", "amount"], "parameters": {"other": 2.0}, "start": 0.0, "method": "focei"}
    made = PopulationDistribution.from_fit(imo.fit_population(model, data, error="proportional", progress=False, **how))
    assert made.tables[0].columns == ("weight",)
    assert made.tables[0].values[:, 0].tolist() == weights.tolist()
    assert made.entries["other"].distribution == Fixed(2.0)


def test_it_is_written_and_read(fit: PopulationResult, tmp_path: Path) -> None:
    made = PopulationDistribution.from_fit(fit)
    assert read_population(save_population(made, tmp_path / "fit.toml")).parameters == made.parameters


@pytest.mark.slow
def test_uncertainty_is_that_of_the_estimates(fit: PopulationResult) -> None:
    """Each replicate is a whole population with typical values drawn from the uncertainty of the estimates."""
    drawn = [PopulationDistribution.from_fit(fit, uncertainty=True, seed=4, replicate=k) for k in range(200)]
    again = PopulationDistribution.from_fit(fit, uncertainty=True, seed=4, replicate=7)
    assert again == drawn[7]
    medians = np.log([[d.entries[n].distribution.ppf(0.5) for n in ("rate", "amount")] for d in drawn])
    at = [fit.population_model.names.index(n) for n in ("rate", "amount")]
    error = np.sqrt(np.diag(fit.uncertainty.covariance))[at]
    assert medians.std(axis=0) == pytest.approx(error, rel=0.2)
    assert medians.mean(axis=0) == pytest.approx(np.log([fit.values["rate"], fit.values["amount"]]), abs=0.03)
    assert len({d.entries["rate"].distribution.sd for d in drawn}) == 200  # type: ignore[attr-defined]


@pytest.mark.slow
def test_effects_of_occasions_add_and_what_does_not_vary_is_fixed() -> None:
    data, regimens = crossover(12)
    how = {"random": ["cl"], "vary": ["ka", "cl", "v"], "between_occasions": "cl", "occasions": "period", "method": "focei"}
    fit = imo.fit_population(theophylline_model(), data, regimens=regimens, progress=False, **how)
    made = PopulationDistribution.from_fit(fit).entries
    assert made["v"].distribution == Fixed(fit.values["v"])
    assert fit.occasion_omega is not None
    total = fit.omega.loc["cl", "cl"] + float(fit.occasion_omega.to_numpy()[0, 0])
    assert made["cl"].distribution.sd ** 2 == pytest.approx(total)  # type: ignore[attr-defined]


def test_uncertainty_that_is_not_known(fit: PopulationResult, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = replace(fit.uncertainty, blind=np.ones((1, len(fit.population_model.names))))
    monkeypatch.setitem(fit.__dict__, "uncertainty", blind)
    with pytest.raises(PopulationError, match="uncertainty: 1 directions of the population parameters are not determined"):
        PopulationDistribution.from_fit(fit, uncertainty=True)
