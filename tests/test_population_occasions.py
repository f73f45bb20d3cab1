"""Parameters that differ between occasions of a subject: recovered, predicted, simulated, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import FitError
from immunoode.population.covariance import pattern_of
from immunoode.population.laplace import laplace_objective, marginal_likelihood
from immunoode.population.occasion_covariance import OccasionCovariance
from tests.population_models import crossover, decay_model, decays, theophylline_model

RANDOM = ["ka", "cl", "v"]


def fitted(data, regimens, **how):
    options = {"random": RANDOM, "between_occasions": "cl", "occasions": "period", "progress": False} | how
    return imo.fit_population(theophylline_model(), data, regimens=regimens, **options)


@pytest.fixture(scope="module")
def focei():
    return fitted(*crossover(40), method="focei")


@pytest.fixture(scope="module")
def saem():
    return fitted(*crossover(40), method="saem")


@pytest.fixture
def nested():
    """Two effects of subjects, the first and a third of occasions, three of these: r = 1 + 3 + 3."""
    return OccasionCovariance(
        pattern_of(2, ((0, 1),)),
        pattern_of(2, ((0, 1),)),
        (1, 0, 0, 0, -1, -1, -1),
        (-1, 0, 0, 0, 1, 1, 1),
        (-1, 0, 1, 2, 0, 1, 2),
    )


BETWEEN, WITHIN = np.array([[0.5, 0.1], [0.1, 0.3]]), np.array([[0.2, -0.05], [-0.05, 0.4]])


def test_the_covariance_of_two_levels(nested):
    omega = nested.assembled(BETWEEN, WITHIN)
    assert omega[1, 1] == pytest.approx(0.7) and omega[1, 2] == pytest.approx(0.5)  # with itself, with another occasion
    assert omega[4, 5] == 0.0 and omega[1, 4] == pytest.approx(-0.05) and omega[0, 1] == pytest.approx(0.1)
    for found, true in zip(nested.components(omega), (BETWEEN, WITHIN), strict=True):
        np.testing.assert_allclose(found, true, atol=1e-12)
    vector = nested.vector(omega)
    np.testing.assert_allclose(nested.matrix(vector), omega, atol=1e-12)
    for j, by in enumerate(nested.derivatives(vector)):
        step = 1e-6 * (np.arange(len(vector)) == j)
        np.testing.assert_allclose(by, (nested.matrix(vector + step) - nested.matrix(vector - step)) / 2e-6, atol=1e-8)


def test_the_most_likely_covariance_of_moments(nested):
    omega = nested.assembled(BETWEEN, WITHIN)
    np.testing.assert_allclose(nested.projected(omega), omega, atol=1e-6)
    random = np.random.default_rng(1)
    drawn = random.multivariate_normal(np.zeros(7), omega, 400)
    found = nested.projected(drawn.T @ drawn / 400)

    def minus_two_log(matrix):
        return np.linalg.slogdet(matrix)[1] + np.trace(np.linalg.solve(matrix, drawn.T @ drawn / 400))

    vector = nested.vector(found)
    for j in range(len(vector)):
        for sign in (-0.1, 0.1):
            assert minus_two_log(nested.matrix(vector + sign * (np.arange(len(vector)) == j))) > minus_two_log(found)


def test_effects_are_split_by_expectation(nested):
    omega = nested.assembled(BETWEEN, WITHIN)
    random = np.random.default_rng(2)
    own = random.multivariate_normal(np.zeros(2), BETWEEN, 5000)
    each = random.multivariate_normal(np.zeros(2), WITHIN, (5000, 3))
    eta = own @ nested.loadings[0].T + each.reshape(5000, 6) @ nested.loadings[1].T
    subjects, occasions = nested.split(omega, eta)
    whole = subjects @ nested.loadings[0].T + occasions.reshape(5000, 6) @ nested.loadings[1].T
    np.testing.assert_allclose(whole, eta, atol=1e-10)
    assert np.abs(np.mean((own - subjects) * subjects, axis=0)).max() < 0.01  # what is left does not depend on what is found


@pytest.mark.slow
@pytest.mark.parametrize("method", ["focei", "saem"])
def test_known_values_are_recovered(method, request):
    result = request.getfixturevalue(method)
    table = result.to_frame(0.999)
    truth = {
        "ka": 36,
        "cl": 65,
        "v": 30,
        "sd(ka)": 0.3,
        "sd(cl)": 0.25,
        "sd(v)": 0.15,
        "sd(cl between occasions)": 0.3,
        "proportional error": 0.08,
    }
    assert list(table.index) == list(truth) and result.success
    for name, true in truth.items():
        assert table.loc[name, "lower"] < true < table.loc[name, "upper"], name
    assert table.loc["sd(cl between occasions)", "kind"] == "between occasions"
    assert table.loc["sd(cl between occasions)", "rse_percent"] < 15
    assert set(result.shrinkage) == {*RANDOM, "cl between occasions"}
    assert "cl between occasions" in result.report() and result.parameter_count == 8


@pytest.mark.slow
def test_both_methods_agree(focei, saem):
    assert saem.objective == pytest.approx(focei.objective, abs=4)
    np.testing.assert_allclose(np.diag(saem.omega), np.diag(focei.omega), rtol=0.15)
    assert saem.occasion_omega.iloc[0, 0] == pytest.approx(focei.occasion_omega.iloc[0, 0], rel=0.05)


@pytest.mark.slow
def test_leaving_it_out_is_noticed(focei):
    without = fitted(*crossover(40), method="focei", between_occasions=(), occasions=None)
    assert without.objective - focei.objective > 100
    assert without.occasion_omega is None
    with pytest.raises(FitError, match="between_occasions"):
        without.occasions()


@pytest.mark.slow
def test_gradient_with_occasions(focei):
    model = focei.population_model
    vector = model.vector(focei.estimates) + 0.1
    found = marginal_likelihood(model, vector, focei.outcome.eta)
    for j in range(len(vector)):
        step = 4e-3 * (np.arange(len(vector)) == j)
        up, down = (
            laplace_objective(model, model.parameters_of(v), found.modes.eta)[0].sum() for v in (vector + step, vector - step)
        )
        assert found.gradients.sum(axis=0)[j] == pytest.approx((up - down) / 8e-3, rel=3e-3, abs=0.05)


def test_each_occasion_has_its_values(focei):
    """A simulation with values that change between occasions is what the fit predicts."""
    table = focei.occasions()
    assert list(table.columns) == ["subject", "occasion", "from_day", "cl"] and len(table) == 80
    mine = table[table["subject"] == "s3"]
    assert mine["from_day"].tolist() == [0.0, 10.0]  # with the dose, not the first sample after it
    _, doses = crossover(40)
    own = focei.individual().loc["s3"]
    plan = doses.set("cl", mine["cl"].tolist(), mine["from_day"].tolist(), rule="locf")
    times = focei.predict()[lambda t: t["subject"] == "s3"]
    run = imo.simulate(
        theophylline_model(),
        plan,
        times=times["time"].to_numpy(),
        outputs=["concentration"],
        parameters={"ka": own["ka"], "v": own["v"]},
    )
    np.testing.assert_allclose(np.ravel(run["concentration"]), times["predicted"], rtol=1e-4)
    spread = np.log(focei.patients(4000)["cl"]).std()
    assert spread == pytest.approx(np.sqrt(focei.omega.loc["cl", "cl"] + focei.occasion_omega.iloc[0, 0]), rel=0.05)


@pytest.mark.slow
def test_checks_see_occasions(focei):
    table = focei.residuals(draws=300)
    assert table["npde"].std() == pytest.approx(1.0, abs=0.15) and table["cwres"].std() == pytest.approx(1.0, abs=0.15)
    assert focei.predictive_check(draws=100).outside < 0.3


@pytest.mark.slow
def test_saved_and_read_again(focei, tmp_path):
    again = imo.load_fit(focei.save(tmp_path / "crossover.fit"))
    assert again.fingerprint == focei.fingerprint and again.objective == focei.objective
    pd.testing.assert_frame_equal(again.occasions(), focei.occasions())
    pd.testing.assert_frame_equal(again.predict([1.0, 12.0]), focei.predict([1.0, 12.0]))


@pytest.mark.slow
def test_occasions_may_be_said_in_any_way():
    data, doses = crossover(6)
    how = {"method": "focei", "iterations": 1}
    by_column = fitted(data, doses, **how)
    for given in ([10.0], [0.0, 10.0], {"all": [10.0]}, {f"s{i}": [0, 10] for i in range(6)}):
        assert fitted(data, doses, occasions=given, **how).objective == by_column.objective
    records = data.assign(ID=data["subject"].str[1:].astype(int), TIME=24 * data["time"], DV=data["value"], AMT=0.0, EVID=0)
    given = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(6), 2),
            "TIME": np.tile([0, 240], 6),
            "DV": 0.0,
            "AMT": 320.0,
            "EVID": 1,
            "period": np.tile([1, 2], 6),
        }
    )
    rows = pd.concat([given, records]).sort_values(["ID", "TIME"], kind="stable")
    table = rows[["ID", "TIME", "DV", "AMT", "EVID", "period"]].rename(columns={"period": "OCC"}).assign(CMT=1)
    read = imo.io.read_nonmem(
        table, {1: "dose"}, time_unit="hour", observations="concentration", units="mg/L", varying={"OCC": "OCC"}, rule="locf"
    )
    assert fitted(read, None, occasions="OCC", **how).objective == pytest.approx(by_column.objective, abs=1e-6)


@pytest.mark.slow
def test_subjects_may_have_different_occasions():
    """A third of the subjects leave after the first occasion: they say nothing of the variation between these."""
    data, doses = crossover(45, seed=4)
    left = data["subject"].isin([f"s{i}" for i in range(0, 45, 3)]) & (data["period"] == 2)
    result = fitted(data[~left], doses, method="focei")
    assert len(result.occasions()) == 75
    row = result.to_frame(0.999).loc["sd(cl between occasions)"]
    assert row["lower"] < 0.3 < row["upper"]


WRONG = {
    "no occasions": ({"occasions": None}, "are not stated"),
    "nothing that differs": ({"between_occasions": ()}, "no parameter differs"),
    "unknown column": ({"occasions": "periode"}, "did you mean 'period'"),
    "days that are none": ({"occasions": ["a"]}, "days at which"),
    "an unknown arm": ({"occasions": {"arm 1": [10.0]}}, "not an arm or subject"),
    "one occasion": ({"occasions": [0.0]}, "more than one"),
    "later than the data": ({"occasions": [0.0, 300.0]}, "more than one"),
    "unknown parameter": ({"between_occasions": "clearance"}, "not a parameter"),
    "negative sd": ({"between_occasions": {"cl": -1.0}}, "above zero"),
}


@pytest.mark.parametrize("how, words", WRONG.values(), ids=WRONG.keys())
def test_wrong_occasions_say_what_is_wrong(how, words):
    with pytest.raises(FitError, match=words):
        fitted(*crossover(6), **how)


def test_what_comes_once_has_no_occasions():
    how = {"random": ["rate"], "occasions": [4.0], "start": 0.0, "progress": False}
    with pytest.raises(FitError, match="initial value"):
        imo.fit_population(decay_model(), decays(6), between_occasions="amount", **how)
    data, doses = crossover(6)
    mixed = data.assign(period=np.where(data.index % 2, 1, 2))
    with pytest.raises(FitError, match="overlap"):
        fitted(mixed, doses)
    with pytest.raises(FitError, match="is empty in rows"):
        fitted(data.assign(period=data["period"].where(data.index != 3)), doses)
