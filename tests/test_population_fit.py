"""Population fits: against published estimates, closed forms, and simulated truth; and what they say where they cannot."""

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import FitError
from immunoode.population.laplace import laplace_objective, marginal_likelihood
from tests.population_models import decay_model, decays, theophylline, theophylline_model

RANDOM = ["rate", "amount"]


def with_age(frame):
    return imo.read_trial(frame, covariates=frame.groupby("subject")[["age"]].first())


def fitted(data=None, **how):
    options = {"random": RANDOM, "error": "proportional", "start": 0.0, "progress": False} | how
    return imo.fit_population(decay_model(), with_age(decays()) if data is None else data, **options)


@pytest.fixture(scope="module")
def saem():
    return fitted()


@pytest.fixture(scope="module")
def focei():
    return fitted(method="focei")


@pytest.fixture(scope="module")
def oral():
    data, regimens = theophylline()
    how = {"random": ["ka", "cl", "v"], "regimens": regimens, "error": "additive", "progress": False}
    return {m: imo.fit_population(theophylline_model(), data, method=m, **how) for m in ("focei", "saem")}


def test_theophylline_as_nlmixr2_finds_it_by_focei(oral):
    """nlmixr2 7.0, FOCEI: objective 116.804; log ka 0.4647, log CL 1.0116, log V 3.4597 (hours); sd 0.694; variances."""
    result = oral["focei"]
    assert result.success and result.objective == pytest.approx(116.804, abs=0.05)
    hours = np.log([result.values["ka"] / 24, result.values["cl"] / 24, result.values["v"]])
    np.testing.assert_allclose(hours, [0.4647, 1.0116, 3.4597], rtol=0.01)
    np.testing.assert_allclose(np.diag(result.omega), [0.4018, 0.0691, 0.0194], rtol=0.05)
    assert np.exp(result.estimates.errors[0]) == pytest.approx(0.694, rel=0.01)


def test_theophylline_as_nlmixr2_finds_it_by_saem(oral):
    """nlmixr2 7.0, SAEM: 0.456, 1.013, 3.452; sd 0.697; variances 0.399, 0.072, 0.0173."""
    result = oral["saem"]
    hours = np.log([result.values["ka"] / 24, result.values["cl"] / 24, result.values["v"]])
    np.testing.assert_allclose(hours, [0.456, 1.013, 3.452], rtol=0.02)
    np.testing.assert_allclose(np.diag(result.omega), [0.399, 0.072, 0.0173], rtol=0.1)
    assert np.exp(result.estimates.errors[0]) == pytest.approx(0.697, rel=0.02)


@pytest.mark.slow
def test_both_methods_find_the_truth_and_agree(saem, focei):
    for result in (saem, focei):
        assert result.success
        table = result.to_frame(0.999)
        assert table.loc["rate", "lower"] < 0.2 < table.loc["rate", "upper"]
        assert table.loc["amount", "lower"] < 10 < table.loc["amount", "upper"]
        assert table.loc["sd(rate)", "lower"] < 0.4 < table.loc["sd(rate)", "upper"]
        assert table.loc["proportional error", "lower"] < 0.1 < table.loc["proportional error", "upper"]
        assert table["rse_percent"].max() < 30
    assert saem.objective == pytest.approx(focei.objective, abs=1.5)  # rich data: Laplace's method is nearly exact
    for name in RANDOM:
        assert saem.values[name] == pytest.approx(focei.values[name], rel=0.02)


def test_gradient_of_the_marginal_likelihood(focei):
    model, parameters = focei.population_model, focei.estimates
    vector = model.vector(parameters) + 0.1
    found = marginal_likelihood(model, vector, focei.outcome.eta)
    gradient = found.gradients.sum(axis=0)
    for j in range(len(vector)):
        moved = [vector.copy(), vector.copy()]
        moved[0][j] += 1e-2
        moved[1][j] -= 1e-2
        up, down = (laplace_objective(model, model.parameters_of(v), found.modes.eta)[0].sum() for v in moved)
        assert gradient[j] == pytest.approx((up - down) / 2e-2, rel=2e-3, abs=0.05)


def test_linear_gaussian_model_is_exact():
    """A normal amount that is observed with additive errors: mean, variance and likelihood in closed form."""
    random = np.random.default_rng(3)
    own = 10 + 2.0 * random.standard_normal(30)
    value = own[:, None] + 0.5 * random.standard_normal((30, 3))
    data = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(30), 3).astype(str),
            "arm": "a",
            "time": np.tile([0.0, 1.0, 2.0], 30),
            "quantity": "drug",
            "value": value.ravel(),
            "unit": "mg",
        }
    )
    model = decay_model()
    how = {
        "random": "amount",
        "distribution": {"amount": "normal"},
        "error": "additive",
        "start": 0.0,
        "parameters": {"rate": 1e-4},
        "progress": False,
        "method": "focei",
    }
    result = imo.fit_population(model, data, **how)
    shape = np.exp(-1e-4 * np.array([0.0, 1.0, 2.0]))
    covariance = result.omega.iloc[0, 0] * np.outer(shape, shape) + np.exp(2 * result.estimates.errors[0]) * np.eye(3)
    rest = value - result.values["amount"] * shape
    exact = 30 * np.linalg.slogdet(covariance)[1] + np.einsum("ij,jk,ik->", rest, np.linalg.inv(covariance), rest)
    assert result.objective == pytest.approx(exact, abs=1e-3)
    assert result.deviance == pytest.approx(exact + 90 * np.log(2 * np.pi), abs=1e-3)
    assert result.sampled[0] == pytest.approx(exact, abs=4 * max(result.sampled[1], 0.05))
    within = value.var(axis=1, ddof=1).mean()
    between = value.mean(axis=1).var() - within / 3
    assert np.exp(2 * result.estimates.errors[0]) == pytest.approx(within, rel=0.01)
    assert result.omega.iloc[0, 0] == pytest.approx(between, rel=0.02)


@pytest.mark.slow
def test_covariates_and_correlations_are_found():
    data = with_age(decays(120, seed=6, covariate=0.5, correlation=0.7))
    result = fitted(data, covariates={"rate": "age"}, correlated=True, method="focei")
    table = result.to_frame()
    row = table.loc["rate ~ age"]  # 0.5 for every 10 years
    assert row["lower"] < 0.05 < row["upper"] and row["standard_error"] < 0.01
    row = table.loc["correlation(rate, amount)"]
    assert row["lower"] < 0.7 < row["upper"]
    without = fitted(data, correlated=True, method="focei")
    assert without.objective - result.objective > 10.83  # the likelihood ratio at 0.001


@pytest.mark.slow
def test_a_parameter_without_random_effect():
    data = decays(60, seed=7, sd=(1e-9, 0.3))
    for method in ("saem", "focei"):
        result = fitted(data, vary="rate", random="amount", method=method)
        assert result.values["rate"] == pytest.approx(0.2, rel=0.03)
        assert (result.individual()["rate"] == result.values["rate"]).all() and result.parameter_count == 4


@pytest.mark.slow
def test_what_is_below_the_limit_counts():
    data = decays(80, seed=9).assign(censoring="")
    limit = 1.5
    below = data["value"] < limit
    assert below.mean() > 0.2
    censored = data.assign(value=data["value"].where(~below, limit), censoring=np.where(below, "left", ""))
    dropped = data[~below]
    for method in ("focei", "saem"):
        full, good = (fitted(d, method=method) for d in (data, censored))
        assert good.values["rate"] == pytest.approx(full.values["rate"], rel=0.03)
        assert good.omega.iloc[0, 0] == pytest.approx(full.omega.iloc[0, 0], rel=0.15)
    biased = fitted(dropped, method="saem")
    assert abs(np.log(biased.values["rate"] / full.values["rate"])) > abs(np.log(good.values["rate"] / full.values["rate"]))


@pytest.mark.slow
def test_intervals_are_between_their_ends():
    data = decays(60, seed=11)
    width = 0.5
    low = np.floor(data["value"] / width) * width
    rough = data.assign(value=low + width, limit=low, censoring="interval")
    exact, good = fitted(data, method="focei"), fitted(rough, method="focei")
    assert good.values["rate"] == pytest.approx(exact.values["rate"], rel=0.05)
    assert good.values["amount"] == pytest.approx(exact.values["amount"], rel=0.02)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_result(saem):
    again = fitted()
    assert (again.estimates.beta == saem.estimates.beta).all() and (again.omega == saem.omega).all().all()
    other = fitted(threads=1)
    assert (other.estimates.beta == saem.estimates.beta).all()
    assert (fitted(seed=2).estimates.beta != saem.estimates.beta).any()


@pytest.mark.slow
def test_resumed_from_where_it_was(saem):
    short = fitted(iterations=(20, 20))
    gone_on = fitted(resume=short, iterations=(50, 100))
    assert gone_on.values["rate"] == pytest.approx(saem.values["rate"], rel=0.02)
    with pytest.raises(FitError, match="other parameters"):
        fitted(resume=short, random=["rate"])


@pytest.mark.slow
def test_an_interrupt_keeps_what_there_is(monkeypatch):
    from immunoode.population import saem as module

    count = iter(range(1000))

    def interrupted(*parts):
        if next(count) > 60:
            raise KeyboardInterrupt
        return original(*parts)

    original = module.metropolis_sweep
    monkeypatch.setattr(module, "metropolis_sweep", interrupted)
    result = fitted()
    assert not result.success and "interrupted" in result.report()
    assert result.values["rate"] == pytest.approx(0.2, rel=0.3)


@pytest.mark.slow
def test_tables_and_drawn_patients(saem):
    own = saem.individual()
    assert list(own.columns) == RANDOM and len(own) == 40
    assert set(saem.shrinkage) == set(RANDOM) and all(s < 0.3 for s in saem.shrinkage.values())
    patients = saem.patients(4000, seed=3)
    assert np.log(patients["rate"]).std() == pytest.approx(np.sqrt(saem.omega.loc["rate", "rate"]), rel=0.05)
    run = imo.simulate(decay_model(), until="10 days", parameters=own.iloc[:3], outputs=["drug"])
    assert run.ok
    at = saem.predict([10.0])
    np.testing.assert_allclose(at["predicted"].to_numpy()[:3], run.values[:, -1, 0], rtol=1e-3)
    typical = saem.predict([10.0], kind="typical")["predicted"]
    np.testing.assert_allclose(typical, saem.values["amount"] * np.exp(-10 * saem.values["rate"]), rtol=1e-3)
    assert "omega" not in saem.report() and "sd(rate)" in saem._repr_html_()


@pytest.mark.slow
def test_residuals_are_standard_normal_under_the_model(saem):
    table = saem.residuals(draws=500)
    for kind in ("cwres", "npde"):
        assert abs(table[kind].mean()) < 0.2 and table[kind].std() == pytest.approx(1.0, abs=0.15)
    assert table["iwres"].std() < 1.1
    wrong = imo.fit_population(
        decay_model(),
        decays(sd=(0.4, 0.3)).assign(value=lambda d: d["value"] + 2.0),
        random=RANDOM,
        error="proportional",
        start=0.0,
        progress=False,
        method="focei",
    )
    late = wrong.residuals(draws=500).query("time > 10")["npde"]
    assert late.mean() > 0.3  # a floor that the model does not have


@pytest.mark.slow
def test_predictive_check(saem):
    check = saem.predictive_check(draws=200)
    assert check.outside < 0.35 and "outside" in str(check)
    assert check.table.groupby("bin")["time"].first().tolist() == [0.5, 2.0, 5.0, 9.0, 14.0]
    assert (check.table["lower"] <= check.table["upper"]).all()
    wrong = fitted(decays(60, seed=2, sd=(1.2, 0.3)), vary="rate", random="amount", method="focei")
    assert wrong.predictive_check(draws=200).outside > 0.4
    by = saem.predictive_check(draws=50, by="age", corrected=True)
    assert by.table["stratum"].nunique() == 2
    for text, how in {"quantity": {"quantity": "x"}, "dropout": {"dropout": "x"}, "covariate": {"by": "x"}}.items():
        with pytest.raises(FitError, match=text):
            saem.predictive_check(draws=20, **how)


@pytest.mark.slow
def test_predictive_check_below_the_limit_and_with_dropout():
    data = decays(60, seed=13)
    below = data["value"] < 1.0
    censored = data.assign(value=data["value"].where(~below, 1.0), censoring=np.where(below, "left", ""))
    check = fitted(censored).predictive_check(draws=100)
    assert len(check.censored) == 5 and check.censored["observed"].iloc[-1] > 0.3
    inside = (check.censored["observed"] >= check.censored["lower"]) & (check.censored["observed"] <= check.censored["upper"])
    assert inside.mean() >= 0.6
    axes = check.plot()
    assert axes[1].get_ylabel() == "Below limit (%)"


@pytest.mark.slow
def test_figures(saem):
    import matplotlib

    matplotlib.use("Agg")
    assert len(saem.plot()) == 12
    boxes = saem.plot_residuals(draws=100)
    assert boxes[0].get_xlabel() == "Typical prediction (mg)" and len(boxes) == 6
    assert len(saem.plot_convergence()) == saem.parameter_count
    assert saem.predictive_check(draws=50).plot()[0].get_ylabel() == "Drug (mg)"


WRONG = {
    "no random effect": ({"random": []}, "random"),
    "unknown parameter": ({"random": ["rates"]}, "did you mean"),
    "unknown method": ({"method": "foce"}, "did you mean"),
    "iterations of the other method": ({"iterations": 50}, "two whole numbers"),
    "iterations of focei": ({"method": "focei", "iterations": (5, 5)}, "a whole number"),
    "unknown error": ({"error": "exact"}, "error model"),
    "unknown distribution": ({"distribution": {"rate": "gamma"}}, "not known"),
    "a logit without bounds": ({"distribution": {"rate": "logit"}, "initial": {"rate": 60.0}}, "outside"),
    "unknown covariate": ({"covariates": {"rate": "weight"}}, "not a covariate"),
    "covariate of what is not fitted": ({"covariates": {"clearance": "age"}}, "is not fitted"),
    "correlated with nothing": ({"correlated": [["rate", "x"]]}, "no random effect"),
    "twice correlated": ({"correlated": [["rate", "amount"], ["rate"]]}, "two groups"),
    "negative sd": ({"random": {"rate": -1.0}}, "above zero"),
    "a distribution as sd": ({"random": {"rate": "lognormal"}}, "above zero"),
    "start that cannot be": ({"initial": {"rate": -1.0}}, "outside its distribution"),
    "resumed from a number": ({"resume": 3}, "fit_population"),
}


@pytest.mark.parametrize("how, words", WRONG.values(), ids=WRONG.keys())
def test_wrong_calls_say_what_is_wrong(how, words):
    with pytest.raises(FitError, match=words):
        fitted(**how)


@pytest.mark.slow
def test_poor_data_are_named():
    """One visit a subject, no scatter between subjects: each ends with a result that says what it is worth."""
    one = fitted(decays(20, times=(3.0,)), random="amount", vary="rate")
    text = " ".join(one.warnings())
    assert "20 subjects have one observation each" in text
    same = fitted(decays(30, sd=(1e-9, 0.3)), method="focei")
    assert any("rate" in w and ("vanished" in w or "shrinkage" in w) for w in same.warnings())
    assert np.isfinite(same.to_frame().loc["amount", "standard_error"])


def test_doses_come_from_the_data():
    """A NONMEM table brings its doses; the same fit as with regimens."""
    data, regimens = theophylline()
    model = theophylline_model()
    rows = data.assign(ID=data["subject"].astype(int), TIME=24 * data["time"], DV=data["value"], AMT=0.0, EVID=0, CMT=2)
    amounts = {s: r.schedule({"dose": "mg"}, {}).amounts[0] for s, r in regimens.items()}
    doses = pd.DataFrame(
        {"ID": [int(s) for s in amounts], "TIME": 0.0, "DV": 0.0, "AMT": list(amounts.values()), "EVID": 1, "CMT": 1}
    )
    both = pd.concat([doses, rows[["ID", "TIME", "DV", "AMT", "EVID", "CMT"]]])
    table = both.sort_values(["ID", "TIME", "EVID"], ascending=[True, True, False])
    read = imo.io.read_nonmem(table, {1: "dose"}, time_unit="hour", observations="concentration", units="mg/L")
    result = imo.fit_population(model, read, random=["ka", "cl", "v"], error="additive", method="focei", progress=False)
    assert result.objective == pytest.approx(116.804, abs=0.05)
