"""Synergy: four nulls of simulations, animals, cohorts and dose surfaces, against closed forms, R's nlme and known truths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import immunoode as imo
from immunoode.combination.four_arms import FourArms
from immunoode.combination.growth_model import growth_model, robust_covariance
from immunoode.combination.hill_curve import HillCurve, fit_hill
from immunoode.combination.loewe import equivalent_multiple, loewe_point
from immunoode.combination.surface_models import BRAID, MUSYC, SurfaceModel
from immunoode.errors import DataError, FitError
from immunoode.virtual_population import Cohort, VirtualPatients
from tests.published_data import data_file

FloatArray = NDArray[np.float64]
GROUPS = ("Control", "DrugA", "DrugB", "Combination")
TWO_DRUGS = """
kind = "base"
title = "Exponential growth under two drugs"
[covariates]
first_given = { value = 0, unit = "1" }
second_given = { value = 0, unit = "1" }
[parameters]
growth_rate = { value = 0.08, unit = "1/day", bounds = [0.001, 1], source = "estimate: of this test" }
first_kill = { value = 0.03, unit = "1/day/mg", bounds = [0, 10], source = "estimate: of this test" }
second_kill = { value = 0.02, unit = "1/day/mg", bounds = [0, 10], source = "estimate: of this test" }
first_effect = { value = 0.01, unit = "1/day", bounds = [-1, 1], source = "estimate: of this test" }
second_effect = { value = 0.01, unit = "1/day", bounds = [-1, 1], source = "estimate: of this test" }
interaction = { value = 0.0, unit = "1/day", bounds = [-1, 1], source = "estimate: of this test" }
elimination = { value = 0.3, unit = "1/day", bounds = [0.01, 10], source = "estimate: of this test" }
initial_volume = { value = 100, unit = "mm^3", bounds = [1, 1e4], source = "estimate: of this test" }
[compartments]
volume = { unit = "mm^3", initial = "initial_volume", roles = ["tumour"] }
first = { unit = "mg" }
second = { unit = "mg" }
[inputs]
drug_a = { into = "first", unit = "mg" }
drug_b = { into = "second", unit = "mg" }
[derived]
static_effect = { expr = "first_effect * first_given + second_effect * second_given", unit = "1/day" }
joint_effect = { expr = "interaction * first_given * second_given", unit = "1/day" }
net_growth = { expr = "growth_rate - first_kill * first - second_kill * second - static_effect - joint_effect", unit = "1/day" }
[flows]
growth = { to = "volume", rate = "net_growth * volume" }
first_elimination = { from = "first", per_capita = "elimination" }
second_elimination = { from = "second", per_capita = "elimination" }
"""


@pytest.fixture(scope="module")
def two_drugs(tmp_path_factory: pytest.TempPathFactory) -> imo.Model:
    path: Path = tmp_path_factory.mktemp("models") / "two_drugs.toml"
    path.write_text(TWO_DRUGS)
    return imo.read_model(path)


def drug(name: str, amount: float) -> imo.Regimen:
    return imo.Regimen().dose(name, f"{amount} mg", every="5 days", count=4)


# Simulations


def test_log_linear_kills_of_exponential_growth_are_bliss_independent(two_drugs: imo.Model) -> None:
    found = imo.synergy(two_drugs, drug("drug_a", 2), drug("drug_b", 3), until=20, loewe=False, rtol=1e-13, atol=1e-13)
    bliss = found.table[found.table["null"] == "Bliss"]
    assert np.abs(bliss["contrast"]).max() < 1e-12
    additive = FourArms(*(np.exp(np.array([[0.4, -0.2, -0.9, -1.5]])).T[:, :, None]))
    assert np.abs(np.log(additive.both / additive.expected("Bliss"))).max() < 1e-12


@pytest.mark.parametrize("name", ["drug_a", "drug_b"])
def test_a_drug_with_itself_is_loewe_additive_and_not_bliss_independent(name: str) -> None:
    model = imo.combine("tumour_immune", "pd1_inhibitor", "radiotherapy")
    therapy = {"drug_a": ("pembrolizumab", "100 mg"), "drug_b": ("radiotherapy", "1 Gy")}[name]
    regimen = imo.Regimen().dose(*therapy, every="1 week", count=4)
    found = imo.synergy(model, regimen, regimen, until="8 weeks")
    assert found.loewe["index"].to_numpy() == pytest.approx(1.0, abs=1e-9)
    assert found.loewe[["first_multiple", "second_multiple"]].to_numpy() == pytest.approx(2.0, abs=1e-9)
    table = found.at().set_index("null")
    assert table.loc["Loewe", "contrast"] == pytest.approx(0, abs=1e-9)
    assert abs(table.loc["Bliss", "contrast"]) > 1e-3
    assert "neither more nor less than Loewe expects" in found.conclusion


def test_loewe_of_drugs_with_different_maxima() -> None:
    weak, strong = HillCurve(0.0, 0.3, 1.0, 1.0), HillCurve(0.0, 0.9, 1.0, 1.0)

    def burden(curve: HillCurve) -> Any:
        return lambda m: float(1.0 - curve.effect(np.array(m)))

    point = loewe_point(burden(weak), burden(strong), 1.0 - 0.6, 1e4)
    assert np.isinf(point.first) and point.index == pytest.approx(1 / float(strong.dose_of(np.array(0.6))))
    assert point.expected == pytest.approx(1.0 - 0.45)  # the strong drug alone at its dose; the weak one does not reach that
    assert equivalent_multiple(burden(strong), 1.0 - 0.1, 1e4) == pytest.approx(0.125)
    assert loewe_point(burden(strong), burden(strong), 0.5, 1e4).expected == pytest.approx(1.0 - 0.9 * 2 / 3)


@pytest.mark.slow
def test_bands_come_from_draws_and_scales_show_one_effect(two_drugs: imo.Model) -> None:
    draws = pd.DataFrame({"growth_rate": np.linspace(0.07, 0.09, 9), "second_kill": np.linspace(0.01, 0.03, 9)})
    regimens = (drug("drug_a", 2), drug("drug_b", 3))
    found = {
        scale: imo.synergy(two_drugs, *regimens, until=20, times=[10, 20], scale=scale, uncertainty=draws, loewe=False)
        for scale in ("log_size", "growth_rate", "killed")
    }
    log, rate, killed = (found[s].at().set_index("null").loc["highest single agent"] for s in found)
    assert rate["contrast"] * 20 == pytest.approx(log["contrast"]) and rate["index"] == pytest.approx(log["index"])
    assert killed["contrast"] > 0 > log["contrast"] and log["lower"] < log["contrast"] < log["upper"]
    assert "9 draws" in found["killed"].report() and set(found["killed"].plot()) == {"effects", "index"}
    alone = imo.synergy(two_drugs, *regimens, until=20, times=[20], loewe=False)
    assert alone.table["lower"].isna().all() and "no uncertainty was given" in alone.conclusion


@pytest.mark.slow
def test_loewe_has_limits_from_draws(two_drugs: imo.Model) -> None:
    draws = pd.DataFrame({"first_kill": [0.02, 0.03, 0.04], "growth_rate": [0.07, 0.08, 0.09]})
    same = drug("drug_a", 2)
    found = imo.synergy(two_drugs, same, same, until=20, times=[20], uncertainty=draws, loewe_draws=3, largest_multiple=50)
    row = found.at().set_index("null").loc["Loewe"]
    assert row[["index", "index_lower", "index_upper"]].tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    assert row[["contrast", "lower", "upper"]].tolist() == pytest.approx([0.0] * 3, abs=1e-6)
    other = imo.synergy(two_drugs, same, drug("drug_b", 3), until=20, times=[20], uncertainty=draws, loewe_draws=2)
    assert other.loewe["index_lower"].iloc[0] <= other.loewe["index_upper"].iloc[0]


def test_the_covariance_of_a_fit_gives_bands(two_drugs: imo.Model) -> None:
    run = imo.simulate(two_drugs, drug("drug_a", 2), until=20, times=np.arange(0.0, 21.0, 2.0))
    noise = np.exp(0.05 * np.random.default_rng(1).standard_normal(11))
    table = pd.DataFrame({"subject": "m1", "day": run.times, "volume (mm3)": run["volume"] * noise})
    vary = ["growth_rate", "first_kill"]
    fit = imo.fit(two_drugs, imo.read_trial(table), vary=vary, regimens=drug("drug_a", 2), progress=False)
    found = imo.synergy(fit, drug("drug_a", 2), drug("drug_b", 3), until=20, loewe=False, draws=40)
    assert "40 draws from the covariance of the fit" in found.report()
    assert (found.effects()["both_upper"] > found.effects()["both_lower"]).all()


def test_response_rates_and_hazards_of_a_cohort() -> None:
    rng, n = np.random.default_rng(2), 2000
    arms = {"none": rng.random(n) < 0.1, "A": rng.random(n) < 0.3, "B": rng.random(n) < 0.4}
    arms["A + B"] = arms["A"] | arms["B"]
    tables = {
        arm: pd.DataFrame({"best_response": np.where(r, "PR", "PD"), "pfs_time": np.where(r, 300.0, 90.0), "pfs_event": True})
        for arm, r in arms.items()
    }
    cohort = Cohort(VirtualPatients(pd.DataFrame({"x": np.arange(n)}), tables), np.ones(n))
    found = imo.synergy(cohort, "A", "B", "A + B", control="none")
    rates = [float(np.mean(arms[a])) for a in ("none", "A", "B", "A + B")]
    row = found.at().set_index("null").loc["Bliss"]
    assert row["observed"] == pytest.approx(rates[3])
    assert row["expected"] == pytest.approx(1 - (1 - rates[1]) * (1 - rates[2]) / (1 - rates[0]))
    assert row["lower"] < row["contrast"] < row["upper"] and set(found.plot()) == {"index"}
    hazard = imo.synergy(cohort, "A", "B", "A + B", control="none", scale="hazard").at()
    assert (hazard["index"] > 0).all()


# Animals


def experiment(seed: int = 0, animals: int = 6, contrast: float = 0.0) -> pd.DataFrame:
    """Return sizes of animals in four groups, with a Bliss contrast of the growth rate."""
    rng, days = np.random.default_rng(seed), np.arange(0.0, 22.0, 3.0)
    rows = []
    for group, rate in zip(GROUPS, (0.10, 0.08, 0.07, 0.05 + contrast), strict=True):
        for k in range(animals):
            own = rate + 0.01 * rng.standard_normal()
            size = 100 * np.exp(own * days + np.append(0.0, 0.1 * rng.standard_normal(len(days) - 1)))
            rows += [{"subject": f"{group} {k}", "arm": group, "time": t, "value": v} for t, v in zip(days, size, strict=True)]
    return pd.DataFrame(rows)


def test_the_mixed_model_is_that_of_r_on_published_data() -> None:
    found = imo.synergy(imo.read_trial(data_file("synergy/synergylmm_grwth_data.csv")), *GROUPS[1:], control="Control")
    model = found.model
    assert model.rates == pytest.approx([0.07855242, 0.07491984, 0.06306986, 0.03487933], abs=5e-9)
    assert np.sqrt(np.diag(model.covariance)) == pytest.approx(0.00322683, abs=5e-9)
    assert (model.residual_sd, model.between_sd / model.residual_sd) == pytest.approx((0.2124122, 0.03946667), abs=5e-8)
    bliss = found.at(30).set_index("null").loc["Bliss"]
    assert (bliss["contrast"], bliss["standard_error"]) == pytest.approx((-0.024558, 0.0064537), abs=5e-7)
    assert bliss[["index", "index_lower", "index_upper"]].round(3).tolist() == [0.479, 0.328, 0.700]
    assert "DrugA with DrugB does more than Bliss and highest single agent expect" in found.conclusion


def test_power_is_that_of_r() -> None:
    rates = {"control": 0.079, "first": 0.075, "second": 0.063, "combination": 0.035}
    spread = {"between_sd": 0.039 * 0.215, "residual_sd": 0.215}
    power = imo.combination.growth_power(range(1, 11), range(0, 31, 3), **rates, **spread)["power"]
    published = [0.2482717, 0.4493088, 0.6155939, 0.7415295, 0.8313583, 0.8926689, 0.9331076, 0.9590544, 0.9753267, 0.9853362]
    assert power.to_numpy() == pytest.approx(published, abs=1e-7)


def test_the_mixed_model_is_the_dense_one() -> None:
    """The closed form equals restricted likelihood with whole covariance matrices, and its maximum is one."""
    model = growth_model(imo.read_trial(experiment().rename(columns={"value": "volume (mm3)", "time": "day"})), GROUPS)
    blocks = [(a.group, a.days, a.log_size) for a in model.animals]

    def criterion(between: float, residual: float) -> tuple[float, FloatArray]:
        information, score, total = np.zeros((4, 4)), np.zeros(4), 0.0
        for group, t, y in blocks:
            design = np.zeros((len(t), 4))
            design[:, group] = t
            inverse = np.linalg.inv(residual**2 * np.eye(len(t)) + between**2 * np.outer(t, t))
            information += design.T @ inverse @ design
            score += design.T @ inverse @ y
            total += y @ inverse @ y - np.linalg.slogdet(inverse)[1]
        rates = np.linalg.solve(information, score)
        return float(total - score @ rates + np.linalg.slogdet(information)[1]), rates

    best, rates = criterion(model.between_sd, model.residual_sd)
    assert rates == pytest.approx(model.rates, rel=1e-12)
    for step in ((1.01, 1.0), (0.99, 1.0), (1.0, 1.01), (1.0, 0.99)):
        assert criterion(model.between_sd * step[0], model.residual_sd * step[1])[0] > best


@pytest.mark.slow
def test_robust_errors_are_close_to_the_models_where_it_is_right() -> None:
    errors = []
    for seed in range(10):
        model = growth_model(imo.read_trial(experiment(seed).rename(columns={"value": "volume (mm3)", "time": "day"})), GROUPS)
        errors.append(np.diag(robust_covariance(model)) / np.diag(model.covariance))
    assert np.mean(errors) == pytest.approx(1.0, abs=0.2)
    robust = imo.synergy(experiment(1), *GROUPS[1:], control="Control", robust=True)
    assert "cluster-robust" in robust.report()


def test_no_variance_between_animals_is_least_squares() -> None:
    days, rng = np.arange(0.0, 22.0, 3.0), np.random.default_rng(1)
    log_size = 0.08 * days + np.append(0.0, 0.2 * rng.permutation([1, -1, 1, -1, 1, -1, 0]))
    sizes = dict(zip(days, 100 * np.exp(log_size), strict=True))
    animals = [(group, k) for group in GROUPS for k in range(3)]
    rows = [{"subject": f"{g}{k}", "arm": g, "time": t, "value": v} for g, k in animals for t, v in sizes.items()]
    model = growth_model(pd.DataFrame(rows), GROUPS)
    assert model.between_sd == 0
    assert model.rates == pytest.approx(float(days @ log_size / (days @ days)))


def test_zero_sizes_are_left_out_and_listed() -> None:
    table = experiment()
    table.loc[3, "value"] = 0.0
    found = imo.synergy(table, *GROUPS[1:], control="Control")
    assert "1 left out: a size of zero has no logarithm" in found.report()
    axes = found.plot(title="four groups")
    assert set(axes) == {"growth", "index"}


@pytest.mark.slow
def test_a_likelihood_ratio_finds_the_interaction(two_drugs: imo.Model) -> None:
    table = experiment(1, contrast=-0.04).rename(columns={"value": "volume (mm3)", "time": "day"})
    given = table.drop_duplicates("subject").assign(
        first_given=lambda t: t["arm"].isin(["DrugA", "Combination"]) * 1,
        second_given=lambda t: t["arm"].isin(["DrugB", "Combination"]) * 1,
    )[["subject", "first_given", "second_given"]]
    data = imo.read_trial(table, covariates=given)
    options: dict[str, Any] = {"vary": ["first_effect", "second_effect"], "random": {"growth_rate": 0.1}, "progress": False}
    found = imo.combination.interaction_test(two_drugs, data, "interaction", **options)
    assert found.estimate == pytest.approx(0.04, abs=0.015) and found.p_value < 1e-3
    assert found.statistic > 10 and "likelihood ratio" in found.report() and len(found.to_frame()) == 1
    with pytest.raises(FitError, match="'interplay' is not in"):
        imo.combination.interaction_test(two_drugs, data, "interplay", **options)


# Doses


DOSES = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
SHARED = {"e0": 0.0, "c1": 1.0, "c2": 2.0, "h1": 1.2, "h2": 1.5}
TRUTHS: dict[str, tuple[SurfaceModel, dict[str, float]]] = {
    "musyc": (MUSYC, {**SHARED, "e1": 0.6, "e2": 0.5, "e3": 0.85, "alpha12": 3.0, "alpha21": 2.0}),
    "braid": (BRAID, {**SHARED, "e1": 0.8, "e2": 0.7, "e3": 0.9, "kappa": 1.0}),
}


def surface(name: str, noise: float, seed: int = 0, repeats: int = 1) -> imo.combination.DoseSurface:
    model, truth = TRUTHS[name]
    first, second = (np.tile(d.ravel(), repeats) for d in np.meshgrid(DOSES, DOSES))
    effect = model.effect(truth, first, second) + noise * np.random.default_rng(seed).standard_normal(len(first))
    return imo.combination.dose_surface(pd.DataFrame({"first_dose": first, "second_dose": second, "effect": effect}))


@pytest.mark.parametrize("name", TRUTHS)
def test_surfaces_without_noise_are_found(name: str) -> None:
    found = surface(name, 1e-7).fit(name)
    assert [found.values[p] for p in TRUTHS[name][1]] == pytest.approx(list(TRUTHS[name][1].values()), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_intervals_of_surfaces_hold_the_truth(name: str) -> None:
    """In 93 % or more, over all parameters; each alone within chance of 200 repetitions."""
    truth = TRUTHS[name][1]
    inside = []
    for seed in range(200):
        table = surface(name, 0.03, seed, repeats=3).fit(name).to_frame().set_index("parameter")
        inside.append([table.loc[p, "lower"] <= v <= table.loc[p, "upper"] for p, v in truth.items()])
    assert np.mean(inside) >= 0.93
    assert np.mean(inside, axis=0).min() >= 0.90


def test_musyc_of_one_drug_is_its_hill_curve() -> None:
    truth = TRUTHS["musyc"][1]
    alone = HillCurve(truth["e0"], truth["e1"], truth["c1"], truth["h1"])
    assert MUSYC.effect(truth, DOSES, 0 * DOSES) == pytest.approx(alone.effect(DOSES))
    assert alone.dose_of(alone.effect(DOSES[1:])) == pytest.approx(DOSES[1:])
    fitted = fit_hill(DOSES, alone.effect(DOSES))
    assert (fitted.top, fitted.half, fitted.steepness) == pytest.approx((0.6, 1.0, 1.2), rel=1e-6)
    assert BRAID.effect(TRUTHS["braid"][1], 0 * DOSES, DOSES) == pytest.approx(HillCurve(0.0, 0.7, 2.0, 1.5).effect(DOSES))


def test_a_sham_surface_is_loewe_additive() -> None:
    first, second = (d.ravel() for d in np.meshgrid(DOSES, DOSES))
    curve = HillCurve(0.0, 0.9, 1.0, 1.5)
    table = pd.DataFrame({"first_dose": first, "second_dose": second, "effect": curve.effect(first + second)})
    found = imo.combination.dose_surface(table)
    nulls = found.nulls()
    assert nulls["combination_index"].to_numpy() == pytest.approx(1.0, abs=1e-6)
    assert nulls["Loewe"].to_numpy() == pytest.approx(nulls["effect"].to_numpy(), abs=1e-6)
    assert np.abs(nulls["Bliss"] - nulls["effect"]).max() > 0.05
    assert found.fit("braid").values["kappa"] == pytest.approx(0.0, abs=1e-3)
    assert found.plot(title="sham").get_title() == "sham" and "combination index 1.00" in found.report()


def test_surfaces_of_simulations(two_drugs: imo.Model) -> None:
    found = imo.combination.simulated_surface(
        two_drugs,
        drug("drug_a", 2),
        drug("drug_b", 3),
        until=20,
        first_multiples=(0, 0.5, 1, 2),
        second_multiples=(0, 0.5, 1, 2),
    )
    nulls = found.nulls()
    assert nulls["Bliss"].to_numpy() == pytest.approx(nulls["effect"].to_numpy(), abs=1e-6)


# Wrong inputs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": "A"}, "first: is str; a Regimen"),
        ({"until": None}, "until: is not stated"),
        ({"scale": "volume"}, "scale: is 'volume'"),
        ({"combination": "both"}, "combination: is not for a model"),
        ({"confidence": 95}, "confidence: is 95"),
        ({"uncertainty": 3}, "uncertainty: is int"),
        ({"times": [0.0]}, "times: are not later than the start"),
        ({"times": [5, 50]}, "times: are from day 5 to day 50; times after the start up to day 10"),
        ({"times": [-5, 5]}, "times: are from day -5"),
        ({"until": -5}, "until: is day -5"),
        ({"largest_multiple": 0}, "largest_multiple: is 0"),
        ({"loewe": [50]}, "loewe: is day 50"),
        ({"draws": -3}, "draws: is -3"),
        ({"robust": "yes"}, "robust: is 'yes'; True or False"),
        ({"endpoint": "OS"}, "endpoint: does not apply to a model"),
        ({"uncertainty": pd.DataFrame({"growth_rate": []})}, "uncertainty: has no rows"),
        ({"rtool": 1e-6}, "option 'rtool': is not known; did you mean 'rtol'"),
        ({"outputs": ["volume"]}, "option 'outputs': is not known"),
    ],
)
def test_wrong_arguments_of_simulations(change: dict[str, Any], message: str, two_drugs: imo.Model) -> None:
    right: dict[str, Any] = {"first": drug("drug_a", 1), "second": drug("drug_b", 1), "until": 10, "loewe": False}
    with pytest.raises(DataError, match=message):
        imo.synergy(two_drugs, **{**right, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": None}, "control: is None; the name of a group"),
        ({"control": "vehicle"}, "group: 'vehicle' has no animals; one of 'Control'"),
        ({"second": "DrugA"}, "second: is the same arm as first: 'DrugA'"),
        ({"until": "12 weeks"}, "until: does not apply to sizes of animals"),
        ({"times": [3]}, "times: does not apply"),
        ({"uncertainty": pd.DataFrame()}, "uncertainty: does not apply"),
        ({"scale": "killed"}, "scale: does not apply"),
        ({"parameters": {"growth_rate": 1}}, "parameters: does not apply"),
        ({"anything": 1}, "anything: does not apply"),
        ({"draws": 0}, "draws: is 0"),
    ],
)
def test_wrong_arguments_of_animals(change: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"first": "DrugA", "second": "DrugB", "combination": "Combination", "control": "Control"}
    with pytest.raises(DataError, match=message):
        imo.synergy(experiment(), **{**right, **change})


def test_wrong_surfaces_and_powers() -> None:
    table = pd.DataFrame({"first_dose": [0, 1], "second_dose": [0, 1], "effect": [0.0, np.nan]})
    with pytest.raises(DataError, match="missing values"):
        imo.combination.dose_surface(table)
    with pytest.raises(DataError, match="no column 'effect'"):
        imo.combination.dose_surface(table[["first_dose", "second_dose"]])
    with pytest.raises(DataError, match="doses of a drug alone: are 1"):
        imo.combination.dose_surface(table.fillna(0.5)).nulls()
    with pytest.raises(DataError, match="surface: is 'loewe'"):
        surface("musyc", 0.01).fit("loewe")
    rates = {"control": 0.1, "first": 0.1, "second": 0.1, "combination": 0.05, "between_sd": 0.01, "residual_sd": 0.1}
    with pytest.raises(DataError, match="animals: are \\[0\\]"):
        imo.combination.growth_power(0, [0, 3, 6], **rates)
