"""Steady states, phase planes, elasticities, citations."""

from __future__ import annotations

import warnings

import matplotlib as mpl
import numpy as np
import pytest

import immunoode as imo
from immunoode.analysis.rates import rates_of
from immunoode.errors import ModelError, SolveError
from immunoode.model.library import model_names

mpl.use("Agg")
from matplotlib import pyplot as plt

from tests.long_forms import spread

MODELS = [imo.load_model(name) for name in model_names()]
BARE = [
    m.name for m in MODELS if m.kind in ("base", "published") and len(m.compartments) <= 20
]  # a search over more takes minutes


def test_the_four_steady_states_of_kuznetsov() -> None:
    """A saddle without tumour, a dormant focus, a saddle, and a large tumour: their places are found in the paper, too."""
    found = imo.analysis.steady_states("kuznetsov1994")
    assert found["stability"].tolist() == ["stable", "saddle", "saddle", "stable focus"]
    assert np.allclose(found["tumour"], [4.470e8, 0.0, 2.680e8, 8.186e6], rtol=1e-3)


@pytest.mark.parametrize("name", spread(BARE, 5))
def test_nothing_changes_at_a_steady_state(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = imo.analysis.steady_states(name, starts=60)
    rates = rates_of(name)
    for _, row in found.iterrows():
        at = row[list(rates.states)].to_numpy(float)
        size = np.abs(rates.jacobian(at)) @ np.maximum(at, 1e-9) if np.isfinite(rates.jacobian(at)).all() else np.inf
        assert (at >= 0).all() and (np.abs(rates(at)) <= 1e-8 * size + 1e-9).all()


@pytest.mark.slow
def test_those_far_from_the_start_are_found() -> None:
    """Kirschner's dormant tumour is five decades above the single cell it starts from; c = 0.035 lies above the Hopf point."""
    found = imo.analysis.steady_states("kirschner1998").iloc[-1]
    effectors, tumour, interleukin = found[["effectors", "tumour", "interleukin"]].astype(float)
    assert found["stability"] == "stable focus" and tumour == pytest.approx(18197.757, rel=1e-6)
    assert 0.18 * (1 - 1e-9 * tumour) == pytest.approx(effectors / (1e5 + tumour), rel=1e-9)
    assert interleukin == pytest.approx(0.5 * effectors * tumour / (1e3 + tumour), rel=1e-9)
    assert imo.analysis.steady_states("nikolopoulou2018")["stability"].tolist() == ["stable", "saddle", "stable"]
    assert len(imo.analysis.steady_states("dritschel2018")) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("antigenicity", "count", "stability"),
    [(8.54e-5, 4, "saddle"), (8.56e-5, 2, "saddle"), (0.03245, 2, "saddle"), (0.03248, 2, "stable focus")],
)
def test_the_bifurcations_of_kirschner(antigenicity: float, count: int, stability: str) -> None:
    """A large stable tumour is lost at c = 8.552e-5, and the small one becomes stable at c = 0.032464 (Hopf)."""
    found = imo.analysis.steady_states("kirschner1998", {"antigenicity": antigenicity})
    assert len(found) == count and found["stability"].iloc[-1] == stability
    assert ("stable" in set(found["stability"])) == (count == 4)


def test_predator_and_prey_turn_about_a_centre() -> None:
    assert imo.analysis.steady_states("chaudhury2020")["stability"].tolist() == ["saddle", "centre"]


@pytest.mark.slow
def test_where_two_meet_there_is_one() -> None:
    found = imo.analysis.steady_states("bunimovich2007")
    assert found["tumour"].tolist()[-1] == 0 and len(found) == 3


def test_a_curve_of_them_is_told() -> None:
    with pytest.warns(UserWarning, match="points of a curve"):
        imo.analysis.steady_states("creemers2021")


@pytest.mark.slow
def test_what_is_stable_is_reached() -> None:
    found = imo.analysis.steady_states("tsur2019")
    stable = found[found["stability"] == "stable"].iloc[0]
    states = list(imo.load_model("tsur2019").compartments)
    near = {s: 1.02 * stable[s] for s in states}
    rates = rates_of("tsur2019")
    at = np.array([near[s] for s in rates.states])
    for _ in range(20_000):
        at = at + 0.05 * rates(at)
    assert np.allclose(at, [stable[s] for s in rates.states], rtol=1e-4)


@pytest.mark.slow
def test_parameters_move_steady_states() -> None:
    first = next(iter(imo.load_model("kuznetsov1994").parameters))
    usual = imo.analysis.steady_states("kuznetsov1994")
    other = imo.analysis.steady_states("kuznetsov1994", {first: 1.1 * imo.load_model("kuznetsov1994").parameters[first].value})
    assert not usual.equals(other)
    with pytest.raises(ModelError, match="is not a parameter"):
        imo.analysis.steady_states("kuznetsov1994", {"capacities": 1.0})
    with pytest.raises(ModelError, match="one or more"):
        imo.analysis.steady_states("kuznetsov1994", starts=0)


def test_the_phase_plane() -> None:
    axes, found = imo.plot.phase_plane("kuznetsov1994", "tumour", "effectors", data=True)
    assert len(found) == 4 and "Tumour" in axes.get_xlabel() and "(cells)" in axes.get_xlabel()
    names = {t.get_text() for t in axes.get_legend().get_texts()}
    plt.close("all")
    assert names == {"no change of tumour", "no change of effectors", "stable", "not stable"}
    with pytest.raises(ModelError, match="did you mean 'tumour'"):
        imo.plot.phase_plane("kuznetsov1994", "tumor", "effectors")
    with pytest.raises(ModelError, match="is given twice"):
        imo.plot.phase_plane("kuznetsov1994", "tumour", "tumour")


@pytest.mark.slow
def test_nullclines_of_quasi_steady_others_cross_at_the_steady_states_of_the_whole_model() -> None:
    from immunoode.analysis.rates import at_rest

    rates = rates_of("kirschner1998")
    found = imo.analysis.steady_states("kirschner1998").iloc[-1][list(rates.states)].to_numpy(float)
    moved = at_rest(rates, np.array([[*found[:2], 1.0], [2e4, 1e4, 1.0]]), [2])
    assert moved[0] == pytest.approx(found, rel=1e-8) and moved[1][:2].tolist() == [2e4, 1e4]
    assert np.abs(rates(moved)[:, 2]).max() < 1e-6 * 10 * moved[:, 2].max()
    axes = imo.plot.phase_plane("kirschner1998", "tumour", "effectors", others="quasi-steady")
    names = {t.get_text() for t in axes.get_legend().get_texts()}
    plt.close("all")
    assert {"stable", "not stable"} <= names
    with pytest.raises(ModelError, match="'quasi-steady', or values"):
        imo.plot.phase_plane("kirschner1998", "tumour", "effectors", others="steady")  # type: ignore[arg-type]


@pytest.mark.slow
def test_elasticities_have_values_where_a_power_begins_at_zero() -> None:
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg")
    table = imo.analysis.local_sensitivity(
        "lindauer2017", "tumour", regimen, at="30 days", parameters=["kill_power", "growth_rate"]
    )
    assert np.isfinite(table.to_numpy()).all() and table.loc["kill_power"].abs().max() > 0.1


def test_elasticities() -> None:
    table = imo.analysis.local_sensitivity("tumour_immune", "tumour", at=[30, 90], parameters=["growth_rate", "kill_rate"])
    model = imo.load_model("tumour_immune")
    for name in table.index:
        value, step = model.constants[name].value, 1e-4
        ends = [
            imo.simulate(model.with_values(**{name: value * f}), times=[30, 90], outputs=["tumour"], rtol=1e-10)["tumour"]
            for f in (1 - step, 1 + step)
        ]
        assert np.allclose(table.loc[name], np.log(ends[1] / ends[0]) / (2 * step), rtol=1e-3, atol=1e-4)
    with pytest.raises(SolveError, match="is zero at such a time"):
        untreated = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
        imo.analysis.local_sensitivity(untreated, "pembrolizumab_central", at=10.0, parameters=["growth_rate"])


def test_citations() -> None:
    alone = imo.cite("kuznetsov1994")
    assert alone.startswith("@") and "doi" in alone
    both = imo.cite(imo.combine("kuznetsov1994", "radiotherapy"))
    assert alone.split("{")[1].split(",")[0] in both and both.count("@") > alone.count("@")
    assert all(imo.cite(name).count("{") == imo.cite(name).count("}") for name in BARE)
