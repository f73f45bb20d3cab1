"""Ctrl-C at any moment: what is done is kept, said to be unfinished, and can be gone on from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import immunoode as imo
from immunoode.fit.minimise import minimise
from immunoode.fit.result import FitResult
from tests.population_models import decay_model, decays
from tests.toy_predictor import MODEL, Toy, objective, simulated


def interrupting(monkeypatch: pytest.MonkeyPatch, after: int, owner: Any, name: str) -> None:
    """Make a function raise KeyboardInterrupt at one of its calls, once, as Ctrl-C does."""
    original, calls = getattr(owner, name), []

    def wrapped(*args: Any, **how: Any) -> Any:
        calls.append(1)
        if len(calls) == after:
            raise KeyboardInterrupt
        return original(*args, **how)

    monkeypatch.setattr(owner, name, wrapped)


def test_a_fit_keeps_its_best_values(monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulated(8)
    target = objective(data, per_arm=["rate"], initial={"rate": 0.3})
    first = target.cost(target.parameters())
    interrupting(monkeypatch, 16, Toy, "formula")
    stopped = FitResult(MODEL, data, target, target.predict, minimise(target))
    assert not stopped.success and "stopped by the user" in stopped.report()
    assert stopped.deviance < first and np.isfinite(stopped.fitted).all()
    with pytest.raises(imo.FitError, match="stopped before its end"):
        stopped.confidence()


def test_a_stopped_fit_is_gone_on_from_and_saved(tmp_path: Any) -> None:
    data = decays(6, sd=(0.0, 0.3))
    how: dict[str, Any] = {"start": 0.0, "progress": False}
    whole = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], **how)
    part = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], max_evaluations=3, **how)
    assert not part.success
    part = imo.load_fit(part.save(tmp_path / "part.fit"))
    again = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], initial=part, **how)
    assert again.parameters()["start"].to_dict() == pytest.approx(part.values)
    assert again.success and again.deviance == pytest.approx(whole.deviance, abs=1e-6)
    wider = imo.fit(decay_model(), data, per_subject=["rate", "amount"], initial=again, **how)
    assert set(wider.parameters()["start"][:6]) == {again.values["rate"]}


def waiting(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Interrupt what waits for the results of tasks."""
    from concurrent.futures import Future

    interrupting(monkeypatch, after, Future, "result")


@pytest.fixture
def done() -> FitResult:
    data = simulated(8)
    target = objective(data, per_arm=["rate"])
    return FitResult(MODEL, data, target, target.predict, minimise(target))


def test_a_bootstrap_keeps_its_draws(done: FitResult, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 4)
    draws = done.bootstrap(200, progress=False)
    assert 3 <= len(draws) < 200 and len(draws.failed) == 200 - len(draws)
    assert "stopped by the user" in draws.report() and np.isfinite(draws.intervals()["standard_error"]).all()


def test_profiles_keep_what_is_done(done: FitResult, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 1)
    found = done.profile(progress=False, threads=1)
    assert len(found) == 2 and "stopped by the user before its end" in found.intervals()["verdict"].tolist()


def test_starts_keep_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 2)
    found = imo.fit(decay_model(), decays(6, sd=(0.0, 0.3)), ["rate", "amount"], starts=40, start=0.0, progress=False)
    assert found.starts is not None and 1 <= np.isfinite(found.starts.costs).sum() < 40
    assert "stopped by the user" in found.report()


def test_fits_of_subjects_keep_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    module = importlib.import_module("immunoode.fit.each")
    interrupting(monkeypatch, 3, module, "fit")
    found = imo.fit_each(decay_model(), decays(6, sd=(0.0, 0.3)), ["rate", "amount"], start=0.0, progress=False)
    assert len(found) == 2 and len(found.failed) == 4
    assert all("stopped by the user" in why for why in found.failed.values())
    assert "2 of 6" in found.summary()


