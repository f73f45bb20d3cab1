"""Chains that step on polynomials between simulations: the polynomials, what the chains draw from, and a fit with them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.population import saem as saem_module
from immunoode.population.population_model import PopulationParameters
from immunoode.population.sampling import Chains, surrogate_move
from immunoode.population.surrogate import new_surrogate
from tests.solve_models import decay

VALUE, SD, SUBJECTS = 0.8, 0.5, 3


def one_effect():
    """Subjects of one observation each, which predicts itself plus a cube: the density is known up to a constant."""
    return SimpleNamespace(
        subject=np.arange(SUBJECTS),
        first_rows=np.arange(SUBJECTS),
        subjects=SUBJECTS,
        effects=SimpleNamespace(
            means=lambda beta: np.zeros((SUBJECTS, 1)), random=np.array([0]), latent=lambda means, eta: means + eta
        ),
        likelihood=SimpleNamespace(minus_two_log=lambda g, errors: ((VALUE - g) / SD) ** 2),
        per_subject=lambda values: values,
        predict=lambda latent: latent[..., 0] + 0.2 * latent[..., 0] ** 3,
    )


def test_polynomials_are_exact_for_quadratic_predictions():
    random = np.random.default_rng(1)
    model = SimpleNamespace(subject=np.array([0, 0, 1]), first_rows=np.array([0, 2]))
    surrogate = new_surrogate(model, np.array([[1.0, 2.0], [0.0, 0.0]]), np.tile(np.eye(2), (2, 1, 1)))
    latent = surrogate.centre + random.standard_normal((40, 2, 2))
    x, y = latent[..., 0], latent[..., 1]
    g = np.stack([x[:, 0] * y[:, 0], 1.0 + y[:, 0] ** 2, 3.0 - x[:, 1]], axis=-1)
    surrogate.learn(model, latent, g)
    surrogate.refit(model)
    found = np.einsum("cnf,nf->cn", surrogate.terms(latent)[:, model.subject], surrogate.coefficients)
    np.testing.assert_allclose(found, g, atol=1e-3)


@pytest.mark.parametrize("wrong", [0.0, 0.7])
def test_chains_draw_from_the_true_density_however_wrong_the_polynomials_are(wrong):
    model, random = one_effect(), np.random.default_rng(2)
    parameters = PopulationParameters(np.zeros(1), np.eye(1), np.zeros(1))
    latent = np.full((400, SUBJECTS, 1), 0.3)
    eye = np.tile(np.eye(1), (SUBJECTS, 1, 1))
    chains = Chains(
        latent,
        model.predict(latent),
        model.likelihood.minus_two_log(model.predict(latent), None),
        np.zeros((SUBJECTS, 1)),
        eye,
        np.full((SUBJECTS, 1), 0.5),
        0.6 * eye,
        np.ones((2, SUBJECTS)),
        {},
    )
    surrogate = new_surrogate(model, np.zeros((SUBJECTS, 1)), eye)
    surrogate.coefficients = np.tile([wrong, 1.0 + wrong, -wrong], (SUBJECTS, 1))
    draws = []
    for k in range(60):
        surrogate_move(model, parameters, chains, surrogate, random)
        if k >= 20:
            draws.append(chains.latent.ravel())
    grid = np.linspace(-6, 6, 20001)
    density = np.exp(-0.5 * grid**2 - 0.5 * ((VALUE - grid - 0.2 * grid**3) / SD) ** 2)
    mean = np.sum(grid * density) / density.sum()
    spread = np.sqrt(np.sum((grid - mean) ** 2 * density) / density.sum())
    found = np.concatenate(draws)
    assert found.mean() == pytest.approx(mean, abs=0.01) and found.std() == pytest.approx(spread, rel=0.03)


@pytest.mark.slow
def test_a_fit_with_polynomials_is_the_fit_without(monkeypatch):
    """Sixty doses each: the estimates of two runs differ by their sampling error, and are the moments of the rates drawn."""
    random, subjects = np.random.default_rng(4), 40
    regimen = imo.Regimen().dose("dose", 3.0, every=1, count=60)
    rates = 0.4 * np.exp(0.3 * random.standard_normal(subjects))
    days = np.array([1.5, 5.5, 20.5, 62.0, 63.0, 65.0])
    run = imo.simulate(decay(), regimen, times=days, parameters=pd.DataFrame({"rate": rates}), progress=False)
    value = run["amount"] * (1 + 0.1 * random.standard_normal((subjects, len(days))))
    table = pd.DataFrame(
        {
            "subject": np.repeat([f"s{i}" for i in range(subjects)], len(days)),
            "arm": "a",
            "time": np.tile(days, subjects),
            "quantity": "amount",
            "value": np.asarray(value).ravel(),
            "unit": "1",
        }
    )
    asked = {"random": ["rate"], "distribution": {"rate": "lognormal"}, "regimens": regimen, "error": "proportional"}
    asked |= {"iterations": (60, 80), "progress": False}
    found = {}
    for name, worthwhile in (("with", True), ("without", False)):
        monkeypatch.setattr(saem_module, "is_worthwhile", lambda model, w=worthwhile: w)
        found[name] = imo.fit_population(decay(), table, **asked)
    a, b = found["with"], found["without"]
    assert a.values["rate"] == pytest.approx(b.values["rate"], rel=0.01)
    assert a.omega.loc["rate", "rate"] == pytest.approx(b.omega.loc["rate", "rate"], rel=0.05)
    assert a.values["rate"] == pytest.approx(np.exp(np.log(rates).mean()), rel=0.01)
    assert np.sqrt(a.omega.loc["rate", "rate"]) == pytest.approx(np.log(rates).std(), rel=0.05)
