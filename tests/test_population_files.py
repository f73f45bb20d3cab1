"""Population files: written and read without loss; all problems of a file at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from immunoode.errors import PopulationError
from immunoode.model.paths import shipped_folder
from immunoode.virtual_population import (
    Categorical,
    Correlation,
    Empirical,
    EmpiricalRows,
    Fixed,
    LogitNormal,
    LogNormal,
    LogUniform,
    Mixture,
    Normal,
    ParameterDistribution,
    PopulationDistribution,
    Truncated,
    Uniform,
    read_population,
    save_population,
)

SOURCE = "estimate: for a test"
ALL_KINDS = {
    "normal": Normal(0.1, 0.2),
    "lognormal": LogNormal(1 / 3, 0.7),
    "logit": LogitNormal(0.3, 1.1, 0.0, 0.9),
    "uniform": Uniform(-1, 1),
    "loguniform": LogUniform(0.1, 3),
    "categorical": Categorical((0, 1), (0.25, 0.75)),
    "empirical": Empirical((1.5, 2.5)),
    "fixed": Fixed(3),
    "mixture": Mixture((LogNormal(1, 0.3), Truncated(Normal(5, 1), 3)), (0.4, 0.6), "kind"),
    "truncated": Truncated(LogNormal(91.7, 0.65), 10, 600),
}


def everything() -> PopulationDistribution:
    return PopulationDistribution(
        {n: ParameterDistribution(d, "1/day" if n == "lognormal" else "", SOURCE, f"a {n}") for n, d in ALL_KINDS.items()},
        {"female": ParameterDistribution(Categorical.from_counts({0: 200, 1: 100}), source=SOURCE)},
        correlations=[
            Correlation(("normal", "lognormal", "truncated"), [[1], [1 / 3, 1], [-0.2, 0.1, 1]], SOURCE),
            Correlation.from_ranks(("uniform", "logit"), [[1], [0.5, 1]], SOURCE),
        ],
        tables=[EmpiricalRows(("weight", "shift(logit)"), [(60, 0.1), (np.pi, -0.1)], ("kg", ""), SOURCE, "observed")],
        name="all",
        title="All kinds",
        description='Two lines,\n"quoted".',
        model="chatterjee2016",
        references=("chatterjee2016",),
    )


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = save_population(everything(), tmp_path / "all.toml")
    assert read_population(path) == everything()
    named = save_population(everything(), tmp_path / "other.toml")
    assert read_population(named).name == "all"


@pytest.mark.parametrize("path", sorted(shipped_folder("populations").glob("*.toml")), ids=lambda p: p.stem)
def test_shipped_files_are_read_as_they_were_written(path: Path, tmp_path: Path) -> None:
    made = read_population(path)
    assert read_population(save_population(made, tmp_path / path.name)) == made
    assert made.references and made.model


def test_variances_and_coefficients_of_variation_become_standard_deviations(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(
        f"""
[parameters]
a = {{ distribution = "log-normal", median = 1, variance = 0.25, source = "{SOURCE}" }}
b = {{ distribution = "log-normal", median = 1, cv = 0.5, source = "{SOURCE}" }}
c = {{ distribution = "normal", mean = 1, sd = 0.5, source = "{SOURCE}" }}
[[correlations]]
between = ["a", "c"]
covariance = [[0.25], [0.125, 0.25]]
source = "{SOURCE}"
""",
        encoding="utf-8",
    )
    made = read_population(path)
    sds = [made.entries[n].distribution.sd for n in "abc"]  # type: ignore[attr-defined]
    assert sds == pytest.approx([0.5, np.log(1.25) ** 0.5, 0.5])
    values = made.entries["b"].distribution.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert values.std() / values.mean() == pytest.approx(0.5, rel=1e-3)
    assert made.correlations[0].matrix[1][0] == pytest.approx(0.5)
    assert made.name == "small"


WRONG = f"""
titel = "x"
references = ["nobody1900"]
[parameters]
a = {{ distribution = "log-normal", median = -1, sd = 1, source = "{SOURCE}" }}
b = {{ distribution = "lognormal", median = 1, sd = 1, source = "{SOURCE}" }}
c = {{ distribution = "normal", mean = 1, sd = 1 }}
d = {{ distribution = "normal", mean = 1, variance = 1, sd = 1, source = "nobody1900, table 1" }}
e = {{ distribution = "normal", mean = "1", source = "{SOURCE}", unit = "mmm" }}
f = {{ distribution = "uniform", lower = 0, upper = 1, truncate = [0.5], source = "{SOURCE}" }}
g = 3
h.source = "{SOURCE}"
h.distribution = "mixture"
h.weights = [1.0]
h.components = [{{ distribution = "normal", mean = 0, sd = -1 }}]
i = {{ distribution = "normal", mean = 1, sd = 1, source = "{SOURCE}" }}
j = {{ distribution = "normal", mean = 1, sd = 2, source = "{SOURCE}" }}
[[correlations]]
between = ["i", "j"]
covariance = [[1], [0.5, 1]]
source = "{SOURCE}"
[[correlations]]
between = ["i"]
correlation = [[1]]
[[tables]]
columns = ["k"]
rows = [["x"]]
source = "{SOURCE}"
"""
MESSAGES = [
    "wrong.toml: titel: is not a table or key of population files; did you mean 'title'?",
    "wrong.toml: references: 'nobody1900' is not in references.bib",
    "wrong.toml: parameters.a.median: is -1; a number above zero",
    "wrong.toml: parameters.b.distribution: is 'lognormal'; distribution = ... with one of normal, log-normal,",
    "wrong.toml: parameters.c: has no source; source = ",
    "wrong.toml: parameters.d.source: 'nobody1900' is not in references.bib",
    "wrong.toml: parameters.d: states sd and variance; one of them",
    "wrong.toml: parameters.e.mean: is '1'; a number",
    "wrong.toml: parameters.e: has no 'sd'; add sd = ...",
    "wrong.toml: parameters.e.unit:",
    "wrong.toml: parameters.f.truncate: is [0.5]; [lower, upper]",
    "wrong.toml: parameters.g: is 3; a table such as",
    "wrong.toml: parameters.h.components[0].sd: is -1; a number above zero",
    "wrong.toml: correlations[0]: j: has the variance 1 here and 4 in its distribution; the same variance",
    "wrong.toml: correlations[1]: has no source",
    "wrong.toml: correlations[1].between: is ['i']; a list of two names or more",
    "wrong.toml: tables[0].rows: is not a list of lists of numbers",
]


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(PopulationError) as caught:
        read_population(path)
    found = [str(p) for p in caught.value.problems]
    for message in MESSAGES:
        assert any(line.startswith(message) for line in found), message
    assert len(found) == len(MESSAGES)


def test_problems_of_the_whole_have_the_file(tmp_path: Path) -> None:
    path = tmp_path / "whole.toml"
    row = f'{{ distribution = "normal", mean = 1, sd = 1, source = "{SOURCE}" }}'
    block = f'[[correlations]]\nbetween = ["a", "b"]\nsource = "{SOURCE}"\n'
    path.write_text(f"[parameters]\na = {row}\nb = {row}\n{block}covariance = [[1], [2, 1]]\n", encoding="utf-8")
    with pytest.raises(PopulationError, match=r"whole.toml: correlations\[0\]: correlation of a, b: is not positive definite"):
        read_population(path)
    path.write_text(f"[parameters]\na = {row}\n[covariates]\na = {row}\n", encoding="utf-8")
    with pytest.raises(PopulationError, match="whole.toml: parameters.a: is also in covariates"):
        read_population(path)
    path.write_text("[parameters\n", encoding="utf-8")
    with pytest.raises(PopulationError, match="whole.toml: is not TOML .*docs/virtual_populations.md"):
        read_population(path)
    with pytest.raises(PopulationError, match="absent.toml: cannot be read"):
        read_population(tmp_path / "absent.toml")


def test_a_file_needs_sources(tmp_path: Path) -> None:
    made = PopulationDistribution(
        {"a": Normal(0, 1), "b": Normal(0, 1)}, correlations=[Correlation(("a", "b"), [[1], [0.5, 1]])]
    )
    with pytest.raises(PopulationError, match=r"(?s)a: has no source.*b: has no source.*correlations\[0\]: has no source"):
        save_population(made, tmp_path / "x.toml")
    assert not list(tmp_path.iterdir())
