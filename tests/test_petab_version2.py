"""PEtab version 2: periods, steady states, formulas in conditions, placeholders, priors, several models, mappings."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import immunoode as imo
from immunoode.errors import DataError
from tests.petab_problems import YAML_2, decay, table, write
from tests.sbml_texts import Made

ONE_K = "parameterId | lowerBound | upperBound | nominalValue | estimate\nk | 0.01 | 10 | 0.5 | true"
OBSERVED = "observableId | observableFormula | noiseFormula\na | A | 1"
EXTENSION = "extensions:\n  selection:\n    version: 1.0.0\n    required: true\n"
MEASURED = "observableId | experimentId | measurement | time\n"


def test_conditions_one_after_another(tmp_path: Path) -> None:
    """exp(-k t) to time 2, doubled and 1 more; from 3 on with s = 2 towards 2 / k; measured at the changes after them."""
    path = write(
        tmp_path,
        decay(),
        2,
        parameters=ONE_K,
        observables=OBSERVED,
        conditions="conditionId | targetId | targetValue\ndose | A | 2 * A + 1\ninflow | s | time - 1",
        experiments="experimentId | time | conditionId\ne | 3 | inflow\ne | 0 |\ne | 2 | dose",
        measurements=MEASURED + "a | e | 1 | 1\na | e | 1 | 2\na | e | 1 | 3\na | e | 1 | 5\na | e | 4 | inf",
    )
    problem = imo.io.read_petab(path)

    def expected(k: float) -> np.ndarray:
        dosed = 2 * math.exp(-2 * k) + 1
        at_3 = dosed * math.exp(-k)
        return np.array([math.exp(-k), dosed, at_3, 2 / k + (at_3 - 2 / k) * math.exp(-2 * k), 2 / k])

    assert problem.predict()["predicted"].to_numpy() == pytest.approx(expected(0.5), rel=1e-7)
    slopes = (expected(0.5 + 1e-6) - expected(0.5 - 1e-6)) / 2e-6
    by_k = -(np.array([1, 1, 1, 1, 4]) - expected(0.5)) @ slopes
    assert problem.gradient()["k"] == pytest.approx(by_k, rel=1e-5)


def test_a_start_at_another_time(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        decay(),
        2,
        parameters=ONE_K,
        observables=OBSERVED + "\nt | time | 1",
        experiments="experimentId | time | conditionId\ne | -20 |",
        measurements=MEASURED + "a | e | 1 | -18\nt | e | 1 | -19",
    )
    assert imo.io.read_petab(path).predict()["predicted"].to_numpy() == pytest.approx([math.exp(-1), -19])


def test_two_conditions_at_once_after_a_steady_state(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        decay(),
        2,
        parameters=ONE_K,
        observables=OBSERVED,
        conditions="conditionId | targetId | targetValue\npre | s | 3\nstop | s | 0\nadd | A | A + k",
        experiments="experimentId | time | conditionId\ne | -inf | pre\ne | 0 | stop\ne | 0 | add",
        measurements=MEASURED + "a | e | 1 | 0\na | e | 1 | 2",
    )
    expected = [6.5, 6.5 * math.exp(-1)]
    assert imo.io.read_petab(path).predict()["predicted"].to_numpy() == pytest.approx(expected, rel=1e-8)


def test_a_concentration_stays_when_its_compartment_is_set(tmp_path: Path) -> None:
    """Version 2 says so of a size that a condition sets, also where the size changes in time and amounts are kept."""
    model = Made().compartment(size=2.0, constant=False).parameter("k", 0.5).parameter("g", 0.0)
    model.species("A", concentration=3).reaction("k*c*A", "A").rate("c", "g*c")
    path = write(
        tmp_path,
        model,
        2,
        parameters=ONE_K,
        observables=OBSERVED + "\nv | c | 1",
        conditions="conditionId | targetId | targetValue\nbig | c | 10\nset | A | 7",
        experiments="experimentId | time | conditionId\ne | 0 |\ne | 1 | big\ne | 2 | set",
        measurements=MEASURED + "a | e | 1 | 1\nv | e | 1 | 1\na | e | 1 | 2",
    )
    assert imo.io.read_petab(path).predict()["predicted"].to_numpy() == pytest.approx([3 * math.exp(-0.5), 10, 7], rel=1e-7)


def test_placeholders_and_noise_of_the_observable(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        decay(),
        2,
        parameters=ONE_K + "\nb | 0 | 5 | 3 | true",
        observables="observableId | observableFormula | noiseFormula | noiseDistribution | observablePlaceholders | "
        "noisePlaceholders\n"
        "a | scale * A | rel * a | log-laplace | scale | rel",
        measurements="observableId | experimentId | measurement | time | observableParameters | noiseParameters\n"
        "a | | 2 | 0 | b | 0.5\na | | 2 | 2 | 4 | b",
    )
    problem = imo.io.read_petab(path)
    last = 4 * math.exp(-1)
    expected = sum(stats.laplace.logpdf(math.log(2), math.log(y), s) - math.log(2) for y, s in ((3, 1.5), (last, 3 * last)))
    assert problem.objective() == pytest.approx(-expected, rel=1e-7)


def test_the_last_trigger_is_remembered_over_a_change(tmp_path: Path) -> None:
    """The event at time 1 has happened when the second period begins: it does not happen again."""
    path = write(
        tmp_path,
        decay().event("time >= 1", A="A + 5"),
        2,
        parameters=ONE_K,
        observables=OBSERVED,
        conditions="conditionId | targetId | targetValue\nnone | s | 0",
        experiments="experimentId | time | conditionId\ne | 0 |\ne | 2 | none",
        measurements=MEASURED + "a | e | 1 | 3",
    )
    expected = math.exp(-1.5) + 5 * math.exp(-1)
    assert imo.io.read_petab(path).predict()["predicted"].iloc[0] == pytest.approx(expected, rel=1e-6)


def test_priors_are_cut_by_bounds_and_uniform_where_others_have_some(tmp_path: Path) -> None:
    parameters = """parameterId | lowerBound | upperBound | nominalValue | estimate | priorDistribution | priorParameters
    k | 0.2 | 10 | 0.5 | true | normal | 1;2
    b | 0 | 4 | 1 | true | |
    g | 0 | inf | 2 | true | gamma | 3;0.5
    l | 0.1 | inf | 2 | true | log-normal | 0;1"""
    path = write(tmp_path, decay(), 2, parameters=parameters, observables=OBSERVED, measurements=MEASURED + "a | | 1 | 0")
    found = imo.io.read_petab(path).log_priors()
    own = stats.norm(1, 2)
    assert found["k"] == pytest.approx(own.logpdf(0.5) - math.log(own.cdf(10) - own.cdf(0.2)))
    assert found["b"] == pytest.approx(-math.log(4))
    assert found["g"] == pytest.approx(stats.gamma.logpdf(2, 3, scale=0.5))
    assert found["l"] == pytest.approx(stats.lognorm.logpdf(2, 1) - math.log(stats.lognorm.sf(0.1, 1)))


def test_two_models_share_parameters_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        decay(),
        2,
        parameters=ONE_K,
        observables=OBSERVED,
        measurements="modelId | " + MEASURED + "m | a | | 1 | 2\nn | a | | 1 | 2",
    )
    other = Made().compartment().parameter("k", 9).species("A", amount=5, substance=True).reaction("2*k*A", "A")
    (tmp_path / "other.xml").write_text(other.text())
    path.write_text(YAML_2.replace("  m:\n", "  n:\n    location: other.xml\n    language: sbml\n  m:\n"))
    problem = imo.io.read_petab(path)
    seen = problem.predict().set_index("model")["predicted"]
    assert seen.to_dict() == pytest.approx({"m": math.exp(-1), "n": 5 * math.exp(-2)}, rel=1e-7)
    by_k = (1 - seen["m"]) * 2 * seen["m"] + (1 - seen["n"]) * 4 * seen["n"]
    assert problem.gradient()["k"] == pytest.approx(by_k, rel=1e-6)


def test_a_mapping_gives_names_to_local_parameters(tmp_path: Path) -> None:
    model = Made().compartment().species("A", amount=1, substance=True).reaction("k*A", "A", name="out", local={"k": 0.1})
    path = write(
        tmp_path,
        model,
        2,
        parameters=ONE_K.replace("k |", "rate |"),
        observables=OBSERVED,
        measurements=MEASURED + "a | | 1 | 2",
    )
    (tmp_path / "mapping.tsv").write_text(table("petabEntityId | modelEntityId\nrate | out.k"))
    path.write_text(YAML_2 + "mapping_files: [mapping.tsv]\n")
    assert imo.io.read_petab(path).predict()["predicted"].iloc[0] == pytest.approx(math.exp(-1), rel=1e-7)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("language: sbml", "language: bngl", "is in 'bngl'"),
        ("measurement_files", EXTENSION + "measurement_files", "extension 'selection'"),
        ("measurement_files", "visualization_files: []\nmeasurement_files", "has the key 'visualization_files'"),
        ("model_files", "model_filez", "model_filez"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = write(tmp_path, decay(), 2, parameters=ONE_K, observables=OBSERVED, measurements=MEASURED + "a | | 1 | 0")
    path.write_text(YAML_2.replace(old, new))
    with pytest.raises(DataError, match=expected):
        imo.io.read_petab(path)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            {"conditions": "conditionId | targetId | targetValue\nc | k | 1"},
            "conditions set 'k', which is in the parameter table",
        ),
        ({"conditions": "conditionId | targetId | targetValue\nc | A | 1\nc | A | 2"}, "'A' is set twice at time 0"),
        ({"conditions": "conditionId | targetId | targetValue\nc | Q | 1"}, "conditions set 'Q'"),
        ({"experiments": "experimentId | time | conditionId\ne | 0 | d"}, "experiments name 'd'"),
        ({"experiments": "experimentId | time | conditionId\ne | soon | c"}, "the time of experiment 'e' is 'soon'"),
        ({"experiments": "experimentId | time | conditionId\ne | 2 | c"}, "before its experiment begins"),
        ({"parameters": ONE_K.replace("true", "1")}, "estimate is '1'"),
        ({"observables": OBSERVED.replace("A | 1", "B | 1")}, "uses 'B'"),
    ],
)
def test_wrong_tables(tmp_path: Path, tables: dict[str, str], expected: str) -> None:
    right = {
        "parameters": ONE_K,
        "observables": OBSERVED,
        "measurements": MEASURED + "a | e | 1 | 1",
        "conditions": "conditionId | targetId | targetValue\nc | A | 1",
        "experiments": "experimentId | time | conditionId\ne | 0 | c",
    }
    with pytest.raises(DataError, match=expected):
        imo.io.read_petab(write(tmp_path, decay(), 2, **right | tables))
