"""Population fits of poor data and poor models: each ends with a clear statement and what there is."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import FitError
from immunoode.model.components import Compartment, Flow, Parameter
from immunoode.model.model import Model
from tests.long_forms import short
from tests.population_models import decay_model, decays

METHODS = ("focei", "saem")


def fitted(data, model=None, **how):
    options = {"random": ["rate", "amount"], "start": 0.0, "progress": False} | how
    if options.get("method", "saem") == "saem":
        options = {"iterations": (60, 60)} | options
    return imo.fit_population(model or decay_model(), data, **options)


def usable(result):
    """Whether tables, report and predictions come without a gap."""
    assert np.isfinite(result.to_frame()["value"]).all() and np.isfinite(result.individual().to_numpy()).all()
    assert np.isfinite(result.predict()["predicted"]).all() and np.isfinite(result.objective)
    return " | ".join(result.warnings()) + result.report()


@pytest.mark.slow
@pytest.mark.parametrize("method", short(METHODS, ["focei"]))
def test_a_model_that_is_not_identifiable(method):
    """Of two rates only the product is in the equations."""
    parameters = {n: Parameter(v, "1", (1e-3, 1e3)) for n, v in {"first": 0.5, "second": 0.5}.items()}
    whole = Model(
        "product",
        "base",
        parameters={**parameters, "unit_rate": Parameter(1.0, "1/day")},
        compartments={"drug": Compartment("mg", 10.0)},
        flows={"loss": Flow("drug", per_capita="first * second * unit_rate")},
    )
    result = fitted(decays(30, sd=(0.4, 1e-9)), whole, random=["first"], vary=["second"], method=method)
    product = result.values["first"] * result.values["second"]
    assert product == pytest.approx(0.2, rel=0.25)
    text = usable(result)
    assert "second and first: the data do not determine them separately" in text and "first: not determined" in text
    assert result.to_frame().loc["sd(first)", "rse_percent"] < 30  # what is not touched by it stays known


@pytest.mark.slow
@pytest.mark.parametrize("method", short(METHODS, ["focei"]))
def test_a_subject_with_one_visit(method):
    data = decays(20)
    result = fitted(data[~((data["subject"] == "s3") & (data["time"] > 0.5))], method=method)
    assert result.success and "one subject has one observation" in usable(result)
    eta = result.random_effects()
    assert abs(eta.loc["s3", "rate"]) < eta["rate"].abs().quantile(0.7)  # drawn to what is typical


@pytest.mark.slow
@pytest.mark.parametrize("method", short(METHODS, ["focei"]))
def test_constant_data(method):
    result = fitted(decays(20).assign(value=5.0), method=method)
    text = usable(result)
    assert "drug: all values are 5; constant values do not determine rates" in text
    assert result.values["amount"] == pytest.approx(5.0, rel=0.1) and result.values["rate"] < 0.02
    if method == "focei":
        assert "reproduces the data to the precision of the solver" in text and "beyond the model's bounds" in text


@pytest.mark.slow
def test_zeros_and_what_is_no_number():
    data = decays(20)
    with pytest.raises(FitError, match="all values of 'drug' are zero"):
        fitted(data.assign(value=0.0))
    result = fitted(data.assign(value=data["value"].where(data.index != 3)), method="focei")
    assert "left out when the data were read: 1 x no value" in usable(result)
    with pytest.raises(FitError, match="is in 'mL', but 'drug' is in 'mg'"):
        fitted(data.assign(unit="mL"))


@pytest.mark.slow
def test_an_arm_without_observations():
    """An arm that has doses and no patient is named; one whose patients have only values left out is not in the way."""
    data = decays(20)
    with pytest.raises(FitError, match="not an arm or subject"):
        fitted(data, regimens={"one": None, "two": None})
    both = data.assign(arm=np.where(data["subject"].isin(["s1", "s2"]), "two", "one"))
    empty = both.assign(value=both["value"].where(both["arm"] == "one"))
    result = fitted(empty, method="focei")
    assert len(result.individual()) == 18 and "10 x no value" in usable(result)


@pytest.mark.parametrize("method", short(METHODS, ["focei"]))
def test_too_few_subjects(method):
    data = decays(20)
    result = fitted(data[data["subject"] == "s1"], method=method)
    assert "too few to estimate their variances" in usable(result)


def test_nothing_measured():
    result = fitted(decays(10).assign(value=20.0, censoring="left"), method="focei")
    assert "are limits" in usable(result)


@pytest.mark.slow
def test_a_bound_that_is_hit():
    """The truth lies outside of what the model allows."""
    result = fitted(
        decays(20, sd=(0.2, 0.3)),
        distribution={"rate": "logit"},
        method="focei",
        initial={"rate": 0.15},
        model=_bounded(0.1, 0.16),
    )
    assert "rate: 0.16 is at the model's bounds" in usable(result)
    beyond = fitted(decays(20), _bounded(0.1, 0.16), method="focei", initial={"rate": 0.15})
    assert "is beyond the model's bounds (0.1, 0.16)" in usable(beyond)


def _bounded(low, high):
    parameters = {"rate": Parameter(0.13, "1/day", (low, high)), "amount": Parameter(10.0, "mg", (0.01, 1e4))}
    return Model(
        "bounded",
        "base",
        parameters=parameters,
        compartments={"drug": Compartment("mg", "amount")},
        flows={"loss": Flow("drug", per_capita="rate")},
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", short(METHODS, ["focei"]))
def test_where_the_model_explodes(method):
    """Draws reach rates at which the solution is infinite within the data's time; they count as impossible."""
    parameters = {"rate": Parameter(0.01, "1/mg/day", (1e-6, 10)), "amount": Parameter(1.0, "mg", (0.01, 1e3))}
    model = Model(
        "explosive",
        "base",
        parameters=parameters,
        compartments={"drug": Compartment("mg", "amount")},
        flows={"growth": Flow(target="drug", rate="rate * drug ** 2")},
    )
    random = np.random.default_rng(2)
    data = decays(20)
    rate = dict(zip(data["subject"].unique(), 0.03 * np.exp(0.4 * random.standard_normal(20)), strict=True))
    value = 1.0 / (1.0 - data["subject"].map(rate) * data["time"]) * (1 + 0.1 * random.standard_normal(len(data)))
    result = fitted(data.assign(value=value), model, random=["rate"], vary=["amount"], method=method)
    assert result.values["rate"] == pytest.approx(0.03, rel=0.3) and result.success
    assert "drug" in usable(result)


@pytest.mark.slow
def test_predictions_that_begin_far_from_the_data():
    """The same in another unit by mistake: a hundred times less; the fit finds there, and says what is odd."""
    result = fitted(decays(20).assign(unit="ug"), method="focei")
    assert result.values["amount"] == pytest.approx(0.01, rel=0.3)
    assert "is beyond the model's bounds" in usable(result)


@pytest.mark.slow
def test_a_model_that_does_not_follow():
    data = decays(20, sd=(0.1, 0.1))
    odd = data.assign(value=data["value"] * np.where(data["time"].isin([2.0, 9.0]), 40.0, 1.0))
    assert "the model hardly follows the data" in usable(fitted(odd, method="focei"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, module, name",
    [
        ("saem", "saem", "initial_chains"),
        ("focei", "focei", "em_warm_start"),
        ("saem", "saem", "_m_step"),
        ("focei", "focei", "_tried"),
    ],
)
@pytest.mark.parametrize("error", [KeyboardInterrupt, np.linalg.LinAlgError("singular")])
def test_whatever_ends_a_fit_early_leaves_what_there_is(method, module, name, error, monkeypatch, tmp_path):
    from importlib import import_module

    part = import_module(f"immunoode.population.{module}")
    original, calls = getattr(part, name), iter(range(100_000))

    def ends(*parts, **how):
        if name in ("initial_chains", "em_warm_start") or next(calls) > 0:
            raise error
        return original(*parts, **how)

    monkeypatch.setattr(part, name, ends)
    result = fitted(decays(20), method=method)
    monkeypatch.undo()
    words = "interrupted" if error is KeyboardInterrupt else "numerical failure (singular)"
    assert not result.success and words in usable(result)
    again = imo.load_fit(result.save(tmp_path / "early.fit"))  # nothing is lost: it goes on from there, in another session too
    gone_on = fitted(decays(20), method=method, resume=again)
    assert gone_on.success and gone_on.values["rate"] == pytest.approx(0.2, rel=0.15)


@pytest.mark.slow
def test_saved_and_read_again_to_the_last_digit(tmp_path):
    """With covariates, correlations and censoring; what is made on demand comes out the same."""
    data = decays(20)
    low = data["value"] < 1.0
    table = data.assign(value=data["value"].where(~low, 1.0), censoring=np.where(low, "left", ""))
    trial = imo.read_trial(table, covariates=data.groupby("subject")[["age"]].first())
    for method in METHODS:
        result = fitted(
            trial, method=method, correlated=True, covariates={"rate": "age"}, iterations=20 if method == "focei" else (20, 20)
        )
        again = imo.load_fit(result.save(tmp_path / "one.fit"))
        assert again.fingerprint == result.fingerprint and again.objective == result.objective
        assert again.to_frame().equals(result.to_frame()) and again.individual().equals(result.individual())
        assert again.residuals(draws=50).equals(result.residuals(draws=50))
        assert again.predictive_check(draws=20).table.equals(result.predictive_check(draws=20).table) and len(
            again.outcome.trace.vectors
        ) == len(result.outcome.trace.vectors)
