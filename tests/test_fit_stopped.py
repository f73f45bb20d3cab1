"""Ctrl-C at any moment: what is done is kept, said to be unfinished, and can be gone on from."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from lmfit import Minimizer, Parameters

import immunoode as imo
from immunoode.fitting.interrupt import interruptible
from immunoode.fitting.minimise import minimise
from immunoode.fitting.result import FitResult
from tests.long_forms import spread_rows
from tests.population_models import decay_model, decays
from tests.toy_predictor import MODEL, Toy, objective, simulated


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Python leaves Ctrl-C ignored where the shell that started it does, as for jobs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
    with pytest.raises(imo.errors.FitError, match="stopped early"):
        stopped.confidence()


def test_a_stopped_fit_is_gone_on_from_and_saved(tmp_path: Any) -> None:
    data = decays(6, sd=(0.0, 0.3))
    how: dict[str, Any] = {"start": 0.0, "progress": False}
    whole = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], **how)
    part = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], max_evaluations=3, **how)
    assert not part.success
    part = imo.load_fit(part.save(tmp_path / "part.fit"))
    again = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], initial=part, **how)
    assert again.to_frame()["start"].to_dict() == pytest.approx(part.values)
    assert again.success and again.deviance == pytest.approx(whole.deviance, abs=1e-6)
    wider = imo.fit(decay_model(), data, per_subject=["rate", "amount"], initial=again, **how)
    assert set(wider.to_frame()["start"][:6]) == {again.values["rate"]}


def waiting(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Interrupt what waits for the results of tasks."""
    interrupting(monkeypatch, after, Future, "result")


@pytest.fixture
def done() -> FitResult:
    data = simulated(8)
    target = objective(data, per_arm=["rate"])
    return FitResult(MODEL, data, target, target.predict, minimise(target))


@pytest.mark.slow
def test_a_bootstrap_keeps_its_draws(done: FitResult, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 4)
    draws = done.bootstrap(200, progress=False)
    assert 3 <= len(draws) < 200 and len(draws.failed) == 200 - len(draws)
    assert "stopped by the user" in draws.report() and np.isfinite(draws.intervals()["standard_error"]).all()


def test_profiles_keep_what_is_done(done: FitResult, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 1)
    found = done.profile(progress=False, threads=1)
    assert len(found) == 2 and "stopped by the user before its end" in found.intervals()["verdict"].tolist()


@pytest.mark.slow
def test_starts_keep_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 2)
    found = imo.fit(decay_model(), decays(6, sd=(0.0, 0.3)), ["rate", "amount"], starts=40, start=0.0, progress=False)
    assert found.starts is not None and 1 <= np.isfinite(found.starts.costs).sum() < 40
    assert "stopped by the user" in found.report()


def pressing(monkeypatch: pytest.MonkeyPatch, after: int, owner: Any, name: str) -> None:
    """Send the signal of Ctrl-C at one of a function's calls, once; what runs then is whatever a handler lets run."""
    original, calls = getattr(owner, name), []

    def wrapped(*args: Any, **how: Any) -> Any:
        calls.append(1)
        if len(calls) == after:
            signal.raise_signal(signal.SIGINT)
        return original(*args, **how)

    monkeypatch.setattr(owner, name, wrapped)


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    spread_rows(
        [(Minimizer, "prepare_fit", 1), (Minimizer, "prepare_fit", 2)]
        + [(owner, name, k) for owner, name in ((Toy, "formula"), (Parameters, "update_constraints")) for k in (1, 2, 5)],
        3,
    ),
)
def test_ctrl_c_never_lands_in_a_library(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: int) -> None:
    data = simulated(8)
    target = objective(data, per_arm=["rate"], initial={"rate": 0.3})
    with interruptible():  # what runs before the fit proper
        pressing(monkeypatch, after, owner, name)
        found = FitResult(MODEL, data, target, target.predict, minimise(target))
    assert found.stopped and not found.success and found.lmfit.message.startswith("stopped by the user after")
    assert "STOPPED by the user" in found.report() and "onverged" not in found.report()
    assert np.isfinite(found.fitted).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_pressed_again_and_again_is_an_exception() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible() as asked:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
def test_starts_that_are_done_are_kept_and_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    pressing(monkeypatch, 17, Future, "result")
    found = imo.fit(decay_model(), decays(6, sd=(0.0, 0.3)), ["rate", "amount"], starts=40, start=0.0, progress=False)
    assert found.starts is not None
    done = 40 - found.starts.stopped
    assert 16 <= done < 40 and found.stopped and not found.success
    said = f"{done} of 40 starts were done when the fit was stopped by the user"
    assert said in found.report() and "STOPPED by the user" in found.report() and "converged" not in found.report()
    assert any("stopped by the user" in line for line in found.warnings())
    assert imo.load_fit(found.save(tmp_path / "stopped.fit")).report() == found.report()


@pytest.mark.slow
def test_fits_of_subjects_end_with_those_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    pressing(monkeypatch, 3, importlib.import_module("immunoode.fitting.per_subject"), "fit")
    found = imo.fitting.fit_each(decay_model(), decays(6, sd=(0.0, 0.3)), ["rate", "amount"], start=0.0, progress=False)
    assert len(found) == 2 and len(found.failed) == 4


@pytest.mark.slow
def test_fits_of_subjects_keep_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    module = importlib.import_module("immunoode.fitting.per_subject")
    interrupting(monkeypatch, 3, module, "fit")
    found = imo.fitting.fit_each(decay_model(), decays(6, sd=(0.0, 0.3)), ["rate", "amount"], start=0.0, progress=False)
    assert len(found) == 2 and len(found.failed) == 4
    assert all("stopped by the user" in why for why in found.failed.values())
    assert "2 of 6" in found.report()
