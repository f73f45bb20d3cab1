"""Virtual patients: marginals and correlations as stated, the same in any block; designs, units, bounds, published results."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import immunoode as imo
from immunoode.errors import OutOfBoundsWarning, PopulationError
from immunoode.virtual_population import (
    Categorical,
    Correlation,
    EmpiricalRows,
    Fixed,
    LogitNormal,
    LogNormal,
    Mixture,
    Normal,
    ParameterDistribution,
    PopulationDistribution,
    Uniform,
    components_of,
    list_distributions,
    load_distribution,
)

N = 20_000
MODEL = "chatterjee2016"
COVARIANCE = np.array([[1.21, -0.33, -0.814], [-0.33, 1.26, 0.631], [-0.814, 0.631, 2.79]])
NAMES = ("growth_rate", "shrinkage_rate", "sensitive_share")


def joint() -> PopulationDistribution:
    return PopulationDistribution(
        {
            "growth_rate": LogNormal(0.00114, 1.1),
            "shrinkage_rate": LogNormal(0.00265, 1.26**0.5),
            "sensitive_share": LogitNormal(0.574, 2.79**0.5),
            "pdl1_effect": Mixture((Normal(0.0, 0.05), Normal(1.74, 0.2)), (0.7, 0.3), group="kind"),
            "exposure_power": Mixture((Fixed(0.1), Fixed(0.3)), (0.7, 0.3), group="kind"),
            "delay": Uniform(0, 21),
            "typical_exposure": Fixed(7079),
        },
        {"egfr_mutation": Categorical((0, 1), (0.85, 0.15))},
        correlations=[Correlation.from_covariance(NAMES, COVARIANCE)],
        tables=[EmpiricalRows(("baseline_sum_of_diameters", "exposure"), [(40, 5000), (90, 7000), (150, 9000)])],
    )


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfBoundsWarning)
        return imo.sample_patients(MODEL, joint(), N, seed=3)


def test_marginals(patients: pd.DataFrame) -> None:
    for name in (*NAMES, "delay", "pdl1_effect"):
        assert stats.kstest(patients[name], joint().parameters[name].distribution.cdf).pvalue > 1e-3, name
    assert set(patients["typical_exposure"]) == {7079.0}
    assert patients["egfr_mutation"].mean() == pytest.approx(0.15, abs=0.01)


def test_correlations_of_random_effects(patients: pd.DataFrame) -> None:
    latent = np.log(patients[["growth_rate", "shrinkage_rate"]])
    share = patients["sensitive_share"]
    latent["sensitive_share"] = np.log(share / (1 - share))
    assert np.abs(latent.cov().to_numpy() - COVARIANCE).max() < 0.08
    others = patients[["growth_rate", "delay", "pdl1_effect", "egfr_mutation", "exposure"]].corr(method="spearman").to_numpy()
    assert np.abs(others[np.triu_indices(5, 1)]).max() < 4 / np.sqrt(N)


def test_rank_correlations_are_those_asked_for() -> None:
    made = PopulationDistribution(
        {"delay": Uniform(0, 21), "growth_rate": LogNormal(0.001, 1.0)},
        correlations=[Correlation.from_ranks(("delay", "growth_rate"), [[1], [0.7, 1]])],
    )
    table = imo.sample_patients(MODEL, made, N, seed=1)
    assert stats.spearmanr(table["delay"], table["growth_rate"])[0] == pytest.approx(0.7, abs=0.02)


def test_rows_stay_whole(patients: pd.DataFrame) -> None:
    pairs = patients.groupby(["baseline_sum_of_diameters", "exposure"]).size()
    assert list(pairs.index) == [(40, 5000), (90, 7000), (150, 9000)]
    assert pairs.to_numpy() / N == pytest.approx([1 / 3] * 3, abs=0.015)


def test_mixtures_of_a_group_share_the_component(patients: pd.DataFrame) -> None:
    kind = components_of(joint(), N, seed=3)["kind"].to_numpy()
    assert (patients["exposure_power"] == np.where(kind == 1, 0.3, 0.1)).all()
    assert patients.loc[kind == 1, "pdl1_effect"].mean() == pytest.approx(1.74, abs=0.02)
    assert patients.loc[kind == 0, "pdl1_effect"].mean() == pytest.approx(0.0, abs=0.01)


@pytest.mark.filterwarnings("ignore::immunoode.errors.OutOfBoundsWarning")
@pytest.mark.parametrize("design", ["random", "latin_hypercube", "sobol"])
def test_patients_are_the_same_in_any_block(design: str) -> None:
    how = {"seed": 5, "design": design, "size": 256}
    whole = imo.sample_patients(MODEL, joint(), 256, **how)
    for size in (1, 3, 7, 64, 100):
        firsts = [k for k in range(0, 256, size) if k < 30 or k > 240 or size > 7]
        blocks = pd.concat([imo.sample_patients(MODEL, joint(), min(size, 256 - k), first=k, **how) for k in firsts])
        pd.testing.assert_frame_equal(blocks, whole.loc[blocks.index], check_exact=True, check_index_type=False)


PINNED = [
    [0.00027791541345886865, 0.9368250855769255, 5.273802840284414, 5000.0, -0.07198687447048997],
    [0.00042505794196307775, 0.666511660104269, 19.780444635453208, 5000.0, 0.017784705675199637],
]


def test_the_patients_are_these_on_every_machine(patients: pd.DataFrame) -> None:
    """Published results depend on them."""
    found = patients.loc[[0, 1], ["growth_rate", "sensitive_share", "delay", "exposure", "pdl1_effect"]]
    assert found.to_numpy() == pytest.approx(np.array(PINNED), rel=1e-9)


@pytest.mark.filterwarnings("ignore::immunoode.errors.OutOfBoundsWarning")
def test_other_parameters_do_not_change_a_patient(patients: pd.DataFrame) -> None:
    alone = imo.sample_patients(MODEL, {"delay": Uniform(0, 21)}, 10, seed=3)
    assert (alone["delay"] == patients["delay"][:10]).all()
    other = imo.sample_patients(MODEL, joint(), 10, seed=3, replicate=1)
    assert (other["delay"] != patients["delay"][:10]).all()


def test_a_latin_hypercube_has_one_patient_in_each_interval() -> None:
    table = imo.sample_patients(MODEL, {"delay": Uniform(0, 21), "exposure": Uniform(1000, 2000)}, 50, design="latin_hypercube")
    assert sorted((table["delay"] / 21 * 50).astype(int)) == list(range(50))
    assert sorted(((table["exposure"] - 1000) / 20).astype(int)) == list(range(50))


def test_sobol_points_are_evener_than_independent_ones() -> None:
    made = {"delay": Uniform(0, 21), "exposure": Uniform(1000, 2000)}
    points = {d: imo.sample_patients(MODEL, made, 256, design=d) for d in ("random", "sobol")}
    uneven = {d: stats.qmc.discrepancy((t - [0, 1000]) / [21, 1000]) for d, t in points.items()}
    assert uneven["sobol"] < uneven["random"] / 5


def test_an_unbalanced_sobol_design_warns() -> None:
    with pytest.warns(UserWarning, match="power of 2"):
        imo.sample_patients(MODEL, {"delay": Uniform(0, 21)}, 100, design="sobol")


@pytest.mark.parametrize("design", ["random", "latin_hypercube", "sobol"])
def test_patients_without_variability(design: str) -> None:
    table = imo.sample_patients(MODEL, {"delay": Fixed(7)}, 4, design=design)  # type: ignore[arg-type]
    assert table["delay"].tolist() == [7.0] * 4


def test_a_distribution_crosses_to_other_processes() -> None:
    made = joint()
    assert made.names and made.correlations[0].factor.size
    assert pickle.loads(pickle.dumps(made)) == joint()


def test_units_are_converted() -> None:
    made = {
        "growth_rate": ParameterDistribution(LogNormal(0.01, 0.1), "1/week"),
        "baseline_sum_of_diameters": ParameterDistribution(Fixed(9), "cm"),
    }
    table = imo.sample_patients(MODEL, made, 2000, seed=1)
    assert table["growth_rate"].median() == pytest.approx(0.01 / 7, rel=0.01)
    assert table["baseline_sum_of_diameters"].iloc[0] == pytest.approx(90)


def test_values_outside_bounds_are_said_and_avoided() -> None:
    wide = PopulationDistribution({"sensitive_share": LogitNormal(0.5, 5.0), "delay": Uniform(0, 21)})
    with pytest.warns(OutOfBoundsWarning, match=r"kept: sensitive_share of \d+ of 500 .* is outside \[0.01, 0.99\]$"):
        imo.sample_patients(MODEL, wide, 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = imo.sample_patients(MODEL, wide.truncated_to(MODEL), 500)
    assert table["sensitive_share"].between(0.01, 0.99).all()
    assert wide.truncated_to(MODEL).parameters["delay"] == wide.parameters["delay"]


def test_a_table_of_patients_is_simulated() -> None:
    table = imo.sample_patients(MODEL, {"growth_rate": LogNormal(0.001, 0.3)}, 3, first=5)
    run = imo.simulate(MODEL, until="10 days", parameters=table)
    assert run.subjects == (5, 6, 7)


def test_distributions_of_a_combined_model() -> None:
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="nivolumab"))
    antibody = load_distribution("bajaj2017").for_instance("nivolumab")
    assert antibody.correlations[0].names == ("nivolumab_clearance", "nivolumab_central_volume")
    whole = antibody.joined(PopulationDistribution({"growth_rate": LogNormal(0.006, 0.5)}))
    table = imo.sample_patients(model, whole.truncated_to(model), 500, seed=1)
    alone = imo.sample_patients(model, {"weight": antibody.covariates["weight"]}, 500, seed=1)
    assert (table["weight"] == alone["weight"]).all() and {"nivolumab_clearance", "growth_rate", "female"} <= set(table)
    assert np.corrcoef(np.log(table[["nivolumab_clearance", "nivolumab_central_volume"]].T))[0, 1] == pytest.approx(
        0.35, abs=0.1
    )


def test_names_are_changed_everywhere() -> None:
    table = EmpiricalRows(("weight", "shift(a)"), [(60, 0.1)])
    made = PopulationDistribution(TWO, correlations=[Correlation(("a", "b"), [[1], [0.5, 1]])], tables=[table])
    other = made.renamed({"a": "x", "weight": "mass"})
    assert other.names == ("x", "b", "c", "mass")
    assert other.correlations[0].names == ("x", "b") and other.tables[0].columns == ("mass", "shift(x)")
    with pytest.raises(PopulationError, match="(?s)'d' has no distribution here.*'b' would occur twice"):
        made.renamed({"d": "e", "a": "b"})
    with pytest.raises(PopulationError, match="distribution of 'a': is in more than one; only one distribution"):
        made.joined(PopulationDistribution({"a": Normal(0, 1)}))


def test_the_shipped_distributions_belong_to_their_models() -> None:
    assert set(list_distributions().index) >= {"chatterjee2016", "stein2019"}
    for name, row in list_distributions().iterrows():
        made = load_distribution(str(name))
        model = imo.load_model(row["model"], variant=row["variant"] or None)
        if model.kind == "therapy":
            model, made = imo.combine("tumour_immune", model), made.for_instance(model.name)
        table = imo.sample_patients(model, made.truncated_to(model), 8)
        assert set(made.names) <= set(model.constants) and np.isfinite(table.to_numpy()).all()


@pytest.mark.filterwarnings("ignore::immunoode.errors.OutOfBoundsWarning")
def test_responders_at_week_27_are_those_that_the_paper_simulated() -> None:
    """Chatterjee 2016, results: 39 to 44 % (90 % intervals from 31 to 49) of patients with PD-L1 of at least 50 %."""
    table = imo.sample_patients(MODEL, MODEL, N, seed=1)
    table = table[table["pdl1_effect"] == 1.74]
    run = imo.simulate(MODEL, times=[0.0, 189.0], parameters=table, outputs="sum_of_diameters", progress=False)
    ratio = run["sum_of_diameters"][:, 1] / run["sum_of_diameters"][:, 0]
    seen = ratio * np.exp(0.0274**0.5 * imo.virtual_population.normals(1, "residual", table.index.to_numpy())[:, 0])
    assert 0.39 <= (seen <= 0.7).mean() <= 0.44


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (MODEL, {"growth_rat": Uniform(0, 1)}, 3),
            "distribution of 'growth_rat': is not a parameter .* did you mean 'growth_rate'",
        ),
        (
            (MODEL, {"growth_rate": ParameterDistribution(Uniform(0, 1), "mm")}, 3),
            "distribution of 'growth_rate': unit 'mm': does not measure the same thing as '1/day'",
        ),
        ((MODEL, {"growth_rate": 3}, 3), "parameters.growth_rate: is int; a distribution"),
        ((MODEL, "chaterjee2016", 3), "distribution 'chaterjee2016': is not shipped; did you mean 'chatterjee2016'"),
        ((MODEL, 7, 3), "distributions: are int"),
        ((MODEL, {}, 3), "parameters: are empty"),
        ((MODEL, {"delay": Uniform(0, 1)}, 0), "n: is 0; a whole number of at least 1"),
    ],
)
def test_wrong_arguments(arguments: tuple, message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        imo.sample_patients(*arguments)


def test_wrong_designs() -> None:
    with pytest.raises(PopulationError, match="design: 'sobl' is not known; did you mean 'sobol'"):
        imo.sample_patients(MODEL, {"delay": Uniform(0, 1)}, 3, design="sobl")  # type: ignore[arg-type]
    with pytest.raises(PopulationError, match="size: is 4, but the block ends at 6"):
        imo.sample_patients(MODEL, {"delay": Uniform(0, 1)}, 3, first=3, size=4)


TWO = {"a": LogNormal(1, 1), "b": LogNormal(1, 1), "c": LogNormal(1, 1)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Correlation(("a", "b", "c"), [[1], [0.9, 1], [-0.9, 0.9, 1]]),
            r"correlation of a, b, c: is not positive definite \(least eigenvalue of the correlation -0.8, mainly due to a, b",
        ),
        (lambda: Correlation.from_covariance(("a", "b"), [[1, 2], [2, 1]]), "correlation of a, b: is not positive definite"),
        (lambda: Correlation.from_covariance(("a", "b"), [[0], [0, 1]]), "the variance of 'a' is 0"),
        (lambda: Correlation(("a", "b"), [[1, 0.2], [0.3, 1]]), "is not symmetric"),
        (lambda: Correlation(("a", "b"), [[2], [0.3, 1]]), "the diagonal of 'a' is 2; 1"),
        (lambda: Correlation(("a", "b"), [[1, 0]]), r"has rows of \[2\] numbers; 2 rows of 2 numbers"),
        (lambda: Correlation(("a", "a"), [[1], [0.3, 1]]), "names a parameter twice"),
        (lambda: EmpiricalRows(("a", "b"), [(1, 2), (3,)]), "table of a, b: has rows without one number per column"),
        (
            lambda: PopulationDistribution(TWO, correlations=[Correlation(("a", "d"), [[1], [0.5, 1]])]),
            r"correlations\[0\]: d: has no individual distribution here",
        ),
        (
            lambda: PopulationDistribution(
                TWO, correlations=[Correlation(("a", "b"), [[1], [0.5, 1]]), Correlation(("b", "c"), [[1], [0.5, 1]])]
            ),
            r"correlations\[1\]: b: is also in correlations\[0\]; one block",
        ),
        (
            lambda: PopulationDistribution({**TWO, "d": Fixed(1)}, correlations=[Correlation(("a", "d"), [[1], [0.5, 1]])]),
            "d: does not vary",
        ),
        (lambda: PopulationDistribution(TWO, {"a": Fixed(1)}), "parameters.a: is also in covariates"),
        (lambda: PopulationDistribution(TWO, tables=[EmpiricalRows(("b",), [(1,)])]), r"tables\[0\].b: is also in parameters"),
        (lambda: PopulationDistribution(TWO, tables=[EmpiricalRows(("shift(d)",), [(1,)])]), "'d' cannot be shifted"),
        (
            lambda: PopulationDistribution(
                {"a": Mixture((Fixed(1), Fixed(2)), (0.5, 0.5), "g"), "b": Mixture((Fixed(1), Fixed(2)), (0.4, 0.6), "g")}
            ),
            r"b: has the weights \[0.4, 0.6\] in group 'g', but 'a' has \[0.5, 0.5\]",
        ),
    ],
)
def test_wrong_joint_distributions(make: object, message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        make()  # type: ignore[operator]


def test_a_report_and_a_figure() -> None:
    import matplotlib.pyplot as plt

    made = load_distribution("chatterjee2016")
    assert "LogNormal(median=0.00114, sd=1.1)" in str(made) and "-0.443   0.337   1.000" in str(made)
    assert made.to_frame().loc["growth_rate", "median"] == pytest.approx(0.00114)
    assert made._repr_html_().startswith('<div class="tex2jax_ignore')
    assert len(made.plot()) == 6
    plt.close("all")
