"""Fits as PEtab problems: read again they have the same likelihood, and the petab package finds nothing wrong."""

from __future__ import annotations

import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError, FileError
from tests.long_forms import short

DAYS = np.array([0.0, 5, 10, 15, 20, 30, 40])


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trial(censored: bool = False) -> pd.DataFrame:
    """Return sizes in two arms of two subjects each; nothing random."""
    rows = []
    for arm, rate in (("control", 0.03), ("treated", 0.01)):
        for k in range(2):
            sizes = (60 + 8 * k) * np.exp(rate * DAYS) * (1 + 0.05 * np.sin(3 * DAYS + k))
            rows += [(f"{arm}_{k}", arm, t, "sum_of_diameters", v, "mm") for t, v in zip(DAYS, sizes, strict=True)]
    table = pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit"])
    if censored:
        table["censoring"] = ["left" if k == 3 else "" for k in range(len(table))]
    return table


def fitted(**options: Any) -> imo.FitResult:
    """Return a fit, made once for the same options."""
    if repr(options) not in _FITTED:
        _FITTED[repr(options)] = _fit(**options)
    return _FITTED[repr(options)]


_FITTED: dict[str, imo.FitResult] = {}


def _fit(**options: Any) -> imo.FitResult:
    docetaxel = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    dosing = imo.Regimen().dose("docetaxel", "75 mg/m2", every="3 weeks", count=2, over="1 h")
    given = {"regimens": {"control": imo.Regimen(), "treated": dosing}, "progress": False} | options
    return imo.fit(docetaxel, given.pop("data", trial()), given.pop("vary", ["growth_rate"]), **given)


CASES: dict[str, dict[str, Any]] = {
    "proportional": {},
    "additive, by arm": {"error": "additive", "vary": [], "per_arm": ["growth_rate"]},
    "combined": {"error": "combined"},
    "log-normal, by subject": {"error": "lognormal", "vary": [], "per_subject": ["growth_rate"]},
    "a value that is not the model's": {"parameters": {"kill_rate": 5.0}},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_it_is_read_again_with_the_same_likelihood(name: str, tmp_path: Path) -> None:
    result = fitted(**CASES[name])
    path = imo.io.write_petab(result, tmp_path / "out")
    problem = imo.io.read_petab(path)
    assert problem.objective() == pytest.approx(result.deviance / 2, rel=1e-5, abs=1e-4)
    predicted = problem.predict()["predicted"].to_numpy()
    assert np.allclose(predicted, result.fitted, rtol=1e-5)
    assert problem.parameters["estimate"].all()
    found = {k: v for k, v in result.values.items() if k in problem.parameters.index}
    assert found and all(problem.nominal()[k] == pytest.approx(v) for k, v in found.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", short(["combined", "log-normal, by subject"], ["combined"]))
def test_version_2_is_read_again_with_the_same_likelihood(name: str, tmp_path: Path) -> None:
    result = fitted(**CASES[name])
    problem = imo.io.read_petab(imo.io.write_petab(result, tmp_path / "out", version=2))
    assert problem.version == 2
    assert problem.objective() == pytest.approx(result.deviance / 2, rel=1e-5, abs=1e-4)


@pytest.mark.slow
def test_a_prior_of_a_logarithm_in_version_2_is_proportional(tmp_path: Path) -> None:
    """-log of a log-normal with mean m + s^2 of the logarithm is (u - m)^2 / 2 s^2 and a constant, u the logarithm."""
    result = fitted(priors={"growth_rate": ("lognormal", 0.01, 0.5)}, vary=["growth_rate"])
    problem = imo.io.read_petab(imo.io.write_petab(result, tmp_path, version=2))
    at = [problem.log_priors({"growth_rate": rate})["growth_rate"] for rate in (0.01, 0.02)]
    assert at[0] - at[1] == pytest.approx(0.5 * (math.log(2) / 0.5) ** 2)


def test_a_problem_that_is_there_is_replaced_only_when_asked_for(tmp_path: Path) -> None:
    result = fitted()
    path = imo.io.write_petab(result, tmp_path)
    before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    with pytest.raises(FileError, match="already exists"):
        imo.io.write_petab(result, tmp_path, version=2)
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before
    assert imo.io.read_petab(imo.io.write_petab(result, tmp_path, version=2, overwrite=True)).version == 2 and path.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_petab_package_finds_nothing_wrong(name: str, tmp_path: Path, caplog: Any) -> None:
    petab = pytest.importorskip("petab.v1", reason="petab is not here: pip install petab")
    path = imo.io.write_petab(fitted(**CASES[name]), tmp_path)
    with caplog.at_level(logging.WARNING):
        assert not petab.lint_problem(petab.Problem.from_yaml(str(path))), caplog.text


@pytest.mark.slow
def test_priors_are_written_on_the_scale_that_was_fitted(tmp_path: Path) -> None:
    result = fitted(priors={"growth_rate": ("lognormal", 0.01, 0.5)}, vary=["growth_rate"])
    problem = imo.io.read_petab(imo.io.write_petab(result, tmp_path))
    rate = result.values["growth_rate"]
    expected = 0.5 * (math.log(rate / 0.01) / 0.5) ** 2 + 0.5 * math.log(2 * math.pi * 0.25)
    assert problem.objective() - problem.objective(priors=False) == pytest.approx(expected)


def test_arms_have_their_own_doses(tmp_path: Path) -> None:
    problem = imo.io.read_petab(imo.io.write_petab(fitted(), tmp_path))
    (part,) = problem.parts
    on = [float(e.periods[0].changes["regimen_1"].expression) for e in part.experiments.values()]
    assert sorted(on) == [0, 0, 1, 1] and part.entities.events


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"data": trial(censored=True)}, "1 censored observations"),
        ({"student": 4}, "Student's t"),
        (
            {"vary": [], "per_arm": ["growth_rate"], "constraints": {"growth_rate__treated": "growth_rate__control / 2"}},
            "has constraints",
        ),
    ],
)
def test_what_petab_cannot_say_is_refused(options: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=expected):
        imo.io.write_petab(fitted(**options), tmp_path)
