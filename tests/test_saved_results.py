"""Saved fits are data: to the last digit for who wrote them, and harmless for who opens one that a stranger wrote."""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import json
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import FitError, ImmunoodeError
from immunoode.fitting.arithmetic import fault
from immunoode.fitting.result_writer import ResultWriter
from immunoode.fitting.saving import fingerprint
from tests.long_forms import short
from tests.population_models import decay_model, decays


@pytest.fixture(scope="module")
def done() -> imo.FitResult:
    data = decays(5, sd=(0.0, 0.3))
    return imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], start=0.0, starts=2, progress=False)


@pytest.fixture(scope="module")
def document(done: imo.FitResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = done.save(tmp_path_factory.mktemp("saved") / "one.fit")
    return json.loads(gzip.decompress(path.read_bytes()).partition(b"\n")[2])  # type: ignore[no-any-return]


def written(path: Path, document: Any, head: dict[str, Any] | None = None) -> Path:
    """Write a file as a stranger would who knows the format."""
    body = json.dumps(document).encode()
    first = {"format": 2, "immunoode": "9.9", "sha256": hashlib.sha256(body).hexdigest(), **(head or {})}
    path.write_bytes(gzip.compress(json.dumps(first).encode() + b"\n" + body))
    return path


def outcome(document: dict[str, Any]) -> dict[str, Any]:
    """Return where a document has an outcome of lmfit."""
    return next(one for one in document["objects"] if isinstance(one, dict) and "outcome" in one)


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return where a document has the fields of a class."""
    one = next(one for one in document["objects"] if isinstance(one, dict) and one.get("class", "").endswith(f":{name}"))
    return one["fields"]  # type: ignore[no-any-return]


def test_a_saved_fit_is_the_same_fit(done: imo.FitResult, tmp_path: Path) -> None:
    back = imo.load_fit(done.save(tmp_path / "one.fit"))
    for name, parameter in done.lmfit.params.items():
        assert back.lmfit.params[name].__getstate__() == parameter.__getstate__()
    assert back.report() == done.report() and back.fingerprint == done.fingerprint
    assert back.least_squares is back.starts.objectives[back.starts.best]


@pytest.mark.parametrize("through", short(["pickle", "deepcopy", "joblib", "twice"], ["pickle"]))
def test_a_result_goes_through(done: imo.FitResult, through: str, tmp_path: Path) -> None:
    ways: dict[str, Any] = {
        "pickle": lambda: pickle.loads(pickle.dumps(done)),
        "deepcopy": lambda: copy.deepcopy(done),
        "joblib": lambda: _joblib(done, tmp_path),
        "twice": lambda: pickle.loads(pickle.dumps(copy.deepcopy(done))),
    }
    back = ways[through]()
    assert back.report() == done.report() and back.fingerprint == done.fingerprint
    np.testing.assert_array_equal(back.predict([0.0, 1.0])["predicted"], done.predict([0.0, 1.0])["predicted"])
    assert back.profile("rate", progress=False).intervals().equals(done.profile("rate", progress=False).intervals())


def _joblib(done: imo.FitResult, folder: Path) -> Any:
    joblib = pytest.importorskip("joblib")
    joblib.dump(done, folder / "one.joblib")
    return joblib.load(folder / "one.joblib")


def test_a_population_fit_goes_through_pickle(tmp_path: Path) -> None:
    how: dict[str, Any] = {"method": "focei", "start": 0.0, "iterations": 2, "progress": False}
    found = imo.fit_population(decay_model(), decays(8), random=["rate"], **how)
    back = pickle.loads(pickle.dumps(found))
    assert back.objective == found.objective and back.report() == found.report()


class _FormatOne(ResultWriter):
    """Writes as versions before did: parameters as lmfit dumps them, words one by one."""

    def _parameters(self, params: Any) -> Any:
        return params.dumps()

    def _words(self, value: Any) -> Any:
        return {"cells": [self.value(v) for v in value.ravel().tolist()], "shape": list(value.shape)}

    def _outcome(self, outcome: Any) -> Any:
        made = super()._outcome(outcome)
        return {**made, **{n: made.pop("fields")[n] if n == "rounds" else outcome.settled for n in ("rounds", "settled")}}


def format_one(done: imo.FitResult) -> dict[str, Any]:
    writer = _FormatOne()
    content = writer.value(done)
    return {"format": 1, "immunoode": "0.1.0", "objects": writer.objects, "result": content}


def test_files_of_the_format_before_are_read(done: imo.FitResult, tmp_path: Path) -> None:
    (tmp_path / "old.fit").write_bytes(gzip.compress(json.dumps(format_one(done)).encode()))
    back = imo.load_fit(tmp_path / "old.fit")
    assert back.to_frame().equals(done.to_frame()) and back.data.frame.equals(done.data.frame)
    assert back.lmfit.params["rate"].correl == done.lmfit.params["rate"].correl


class _Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_what_lmfit_would_unpickle_is_not_run(done: imo.FitResult, tmp_path: Path) -> None:
    old = format_one(done)
    touched = tmp_path / "touched"
    packed = base64.b64encode(pickle.dumps(_Runs(touched))).decode()
    symbol = {"__class__": "Callable", "__name__": "f", "pyversion": "3.11", "value": packed, "importer": None}
    for one in old["objects"]:
        if "parameters" in one:
            params = json.loads(one["parameters"])
            one["parameters"] = json.dumps({**params, "unique_symbols": {"f": symbol, "rate": symbol}})
    (tmp_path / "old.fit").write_bytes(gzip.compress(json.dumps(old).encode()))
    assert imo.load_fit(tmp_path / "old.fit").values == done.values
    assert not touched.exists()


EXPRESSIONS = [
    "open('/etc/passwd').read()",
    "__import__('os').system('true')",
    "().__class__.__base__",
    "[x for x in (1, 2)]",
    "lambda: 1",
    "9**9**9**9",
    "(9**9)**(9**9)",
    "2**1000000000 * log_amount__s1",
    "'a' * 1000000000",
    "exp(log_amount__s1, where=1)",
    "unknown + 1",
    "-" * 5000 + "1",
    "(" * 300 + "1" + ")" * 300,
    "1\nimport os",
    "eval('1')",
    "f'{1}'",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_in_a_file_are_arithmetic(document: dict[str, Any], tmp_path: Path, text: str) -> None:
    bad = copy.deepcopy(document)
    outcome(bad)["parameters"]["expressions"][0][1] = text
    with pytest.raises(FitError, match="not a saved fit"):
        imo.load_fit(written(tmp_path / "bad.fit", bad))
    again = copy.deepcopy(document)
    part(again, "Parameterisation")["constraints"] = {"dict": [["rate", text]]}
    with pytest.raises(FitError, match="not a saved fit"):
        imo.load_fit(written(tmp_path / "again.fit", again))


@pytest.mark.parametrize(
    "text", ["2 * a", "exp(log_a)", "a if a > 1 else -a**2", "2**0.5 * a", "10**-3 * a**b", "where(a > b, a, b)"]
)
def test_arithmetic_is_not_refused(text: str) -> None:
    assert fault(text, {"a", "b", "log_a"}) == ""


def test_a_constraint_that_cannot_be_opened_again_is_not_saved(tmp_path: Path) -> None:
    data = decays(5, sd=(0.0, 0.3))
    constraints = {"amount": "sum([rate, 9])"}
    found = imo.fit(decay_model(), data, ["rate", "amount"], start=0.0, constraints=constraints, progress=False)
    with pytest.raises(FitError, match="arithmetic"):
        found.save(tmp_path / "one.fit")
    assert not list(tmp_path.iterdir())


def broken(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield documents each of which has one thing that does not belong there, with what is said of it."""

    def other(name: str, **changed: Any) -> dict[str, Any]:
        made = copy.deepcopy(document)
        part(made, name).update(changed)
        return made

    yield "FitResult has other fields", other("FitResult", more=1)
    missing = copy.deepcopy(document)
    del part(missing, "FitResult")["model"]
    yield "FitResult has other fields", missing
    yield "is not of type float", other("FitResult", seconds="1")
    yield "'tuple' is missing", other("Observations", subjects=["a"])
    yield "columns whose lengths differ from subjects", other("Observations", arms={"tuple": ["a"]})
    yield "does not exist", other("Parameterisation", fitted_parameters={"tuple": [{"object": 10**9}]})
    yield "does not exist", other("FitResult", model={"object": -1})
    yield "is not the class that belongs here", other("FitResult", model={"object": document["result"]["object"] - 1})
    loop = copy.deepcopy(document)
    where = loop["result"]["object"]
    loop["objects"][where]["fields"]["data"] = {"object": where}
    yield "does not exist", loop
    for what in ("os:system", "immunoode.__main__:main", "immunoode.fitting.saving:json", "immunoode.fitting.fit:fit"):
        made = copy.deepcopy(document)
        made["objects"][made["result"]["object"]]["class"] = what
        yield "is not a (result|class) of immunoode", made
    for dtype, said in (("|O", "not numeric"), ("<V9", "not numeric"), ("<f4", "cannot be of shape"), ("<c16", "not numeric")):
        made = copy.deepcopy(document)
        next(one for one in made["objects"] if one.get("dtype") == "<f8")["dtype"] = dtype
        yield said, made
    far = copy.deepcopy(document)
    at = part(far, "Observations")["subject"]["object"]
    values = np.frombuffer(base64.b64decode(far["objects"][at]["array"]), np.int64) + 1000
    far["objects"][at]["array"] = base64.b64encode(values.tobytes()).decode()
    yield "subject refers to something that does not exist", far


def test_what_does_not_belong_in_a_result_is_named(document: dict[str, Any], tmp_path: Path) -> None:
    for said, bad in broken(document):
        with pytest.raises(FitError, match=said):
            imo.load_fit(written(tmp_path / "bad.fit", bad))


def test_the_version_that_wrote_a_file_is_named(document: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(FitError, match="of format 3, written by immunoode '9.9'; this version reads formats 1 and 2"):
        imo.load_fit(written(tmp_path / "new.fit", document, {"format": 3}))
    with pytest.raises(FitError, match=r"written by immunoode 9\.9, this is"):
        imo.load_fit(written(tmp_path / "new.fit", {}))


def test_a_file_that_was_damaged_is_refused(done: imo.FitResult, tmp_path: Path) -> None:
    whole = done.save(tmp_path / "one.fit").read_bytes()
    text = gzip.decompress(whole)
    seeded = random.Random(0)
    for k in range(60):
        damaged = bytearray(whole if k % 2 else text)
        for _ in range(seeded.randint(1, 4)):
            damaged[seeded.randrange(len(damaged))] = seeded.randrange(256)
        if k % 3 == 0:
            del damaged[seeded.randrange(len(damaged)) :]
        (tmp_path / "two.fit").write_bytes(damaged if k % 2 else gzip.compress(bytes(damaged), 1))
        try:
            back = imo.load_fit(tmp_path / "two.fit")
        except FitError:
            continue
        assert back.values == done.values, k  # the version's name or a byte of gzip's head was changed


def mutated(node: Any, seeded: random.Random) -> None:
    """Change one thing somewhere in a document."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = seeded.choice(keys)
        inner = node[key]
        if isinstance(inner, (dict, list)) and inner and seeded.random() < 0.9:
            node = inner
            continue
        other: list[Any] = [None, -1, 10**30, "x", [], {}, {"object": 0}, {"tuple": []}, float("nan"), True, "1 + 1", [[]]]
        node[key] = seeded.choice([o for o in other if o != inner])
        return


@pytest.mark.slow
def test_changed_content_under_a_right_hash_is_sound_or_refused(
    done: imo.FitResult, document: dict[str, Any], tmp_path: Path
) -> None:
    refused = 0
    for seed in range(150):
        bad = copy.deepcopy(document)
        mutated(bad, random.Random(seed))
        try:
            back = imo.load_fit(written(tmp_path / "bad.fit", bad))
        except FitError:
            refused += 1
            continue
        try:
            assert np.isfinite(back.predict()["observed"]).any() and isinstance(back.report(), str), seed
        except ImmunoodeError:
            continue
    assert refused > 60


def test_fingerprints_know_what_differs() -> None:
    words = np.array(["a", 1, 1.0, None, True], dtype=object)
    assert fingerprint(words) == fingerprint(words.copy())
    assert len({fingerprint(np.array(w, dtype=object)) for w in ([1], [1.0], ["1"], [True], [None], [float("nan")])}) == 6


SAVED = {"fit": 5.629635387516451, "prior": 15.058360094347545, "focei": 36.13008570853448, "saem_occasions": 59.39122080885318}
"""-2 log-likelihood of fits that a former version saved."""


@pytest.mark.parametrize("name", SAVED)
def test_fits_that_a_former_version_saved_are_read(name: str) -> None:
    back = imo.load_fit(Path(__file__).parent / "data" / "saved_fits" / f"{name}.fit")
    assert back.deviance == pytest.approx(SAVED[name], rel=1e-6)
    assert back.report() and len(back.predict()) == len(back.observations)


def test_former_attributes_of_results_say_what_they_are_called_now() -> None:
    back = imo.load_fit(Path(__file__).parent / "data" / "saved_fits" / "focei.fit")
    with pytest.warns(FutureWarning, match="PopulationResult.ended is now PopulationResult.outcome"):
        assert back.ended is back.outcome


def test_the_objective_of_a_fit_is_a_number(done: imo.FitResult) -> None:
    assert done.objective == done.deviance and isinstance(done.objective, float)
    with pytest.warns(FutureWarning, match=r"use FitResult.least_squares.errors"):
        assert done.objective.errors is done.least_squares.errors  # type: ignore[attr-defined]
