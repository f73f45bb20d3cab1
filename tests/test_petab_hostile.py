"""PEtab problems that mean harm: files elsewhere, bombs, tables without end. Each ends in an error of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.petab.petab_files import MOST_COLUMNS
from tests.petab_problems import YAML_1, decay, write

TABLES = {
    "parameters": "parameterId | parameterScale | lowerBound | upperBound | nominalValue | estimate\nk | lin | 0 | 1 | 0.5 | 1",
    "observables": "observableId | observableFormula | noiseFormula\na | A | 1",
    "measurements": "observableId | simulationConditionId | measurement | time\na | c | 1 | 0",
}


@pytest.mark.parametrize(
    "named", ["../secret.tsv", "/etc/hostname", "link.tsv", "https://example.org/p.tsv", "a/../../secret.tsv"]
)
def test_files_outside_the_folder_are_refused(tmp_path: Path, named: str) -> None:
    path = write(tmp_path / "problem", decay(), **TABLES)
    (tmp_path / "secret.tsv").write_text("conditionId\nc\n")
    (tmp_path / "problem" / "link.tsv").symlink_to(tmp_path / "secret.tsv")
    path.write_text(YAML_1.replace("conditions.tsv", named))
    with pytest.raises(DataError, match="not in its folder|nothing is read from the network"):
        imo.io.read_petab(path)


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, 60))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, "has an alias"),
        ("a: &a [*a]\n", "has an alias"),
        ("a: " + "[" * 50_000, "nested more than"),
        ("- " * 50_000, "nested more than"),
        ("a: !!python/object/apply:os.system [id]\n", "is not yaml"),
        ("a: " + "x" * 300_000, "has more than"),
        ("format_version: 1\nparameter_file: {a: b}\nproblems: [{}]\n", "no list of file names"),
        ("format_version: 1\nparameter_file: [1, 2]\nproblems: [{}]\n", "names '1' as a file"),
        ("format_version: 1\nproblems: 3\n", "no list of problems"),
        ("\x00", "is not yaml"),
    ],
)
def test_yaml_that_means_harm(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "problem.yaml").write_text(text)
    with pytest.raises(DataError, match=expected):
        imo.io.read_petab(tmp_path / "problem.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\t".join(["conditionId", *(f"c{k}" for k in range(MOST_COLUMNS))]), "columns and"),
        ("conditionId\n" + "c\n" * 3_000_000, "columns and 3000"),
        ("", "is not a table"),
        ("conditionId\tA\nc\t1\t2\t3\n", "is not a table"),
        ("conditionId\tA\nc\t1e999\n", "a finite number"),
        ("conditionId\tA\nc\t__import__('os').system('id')\n", "cannot be read"),
        ("conditionId\tA\nc\t" + "9^" * 5000 + "9\n", "nested too deep"),
    ],
)
def test_tables_that_mean_harm(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, decay(), **TABLES)
    (tmp_path / "conditions.tsv").write_text(text)
    with pytest.raises(DataError, match=expected):
        imo.io.read_petab(path)


def test_a_table_that_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, decay(), **TABLES)
    (tmp_path / "measurements.tsv").write_bytes(b"\xff\xfe\x00\x01" * 100)
    with pytest.raises(DataError):
        imo.io.read_petab(path)
