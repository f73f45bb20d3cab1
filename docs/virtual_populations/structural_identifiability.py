"""Which parameters of the base model outputs determine: the rank of exact sensitivities at random values, under a rich input.

Writes docs/structural_identifiability.md. Run: python docs/virtual_populations/structural_identifiability.py

A parameter is locally structurally identifiable where its column of the matrix of sensitivities, of outputs without error at
many times, is independent of the others. The rank is counted by singular values, of columns of unit length: those that the
solver's tolerance would make of nothing are below `NOTHING`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import immunoode as imo

FloatArray = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
POINTS, SEED, SPREAD = 3, 1, 0.3
NOTHING = 1e-8
"""Singular values below this, relative to the largest, count as zero: sensitivities are solved to about 1e-10."""
ERROR = 0.08
TIMES = np.arange(0.0, 720.0, 6.0)
VISITS = np.arange(0.0, 361.0, 42.0)
BIOLOGY = """growth_rate capacity turnover_rate cell_density clearance_rate doomed_death_rate antigen_decay
antigen_half_saturation priming_rate division_rate expansion_limit differentiation_rate memory_death
recruitment_rate surveillance infiltration access_cells kill_rate killing_half_saturation pd1_inhibition
ctla4_inhibition effector_death exhaustion_rate exhausted_death reinvigoration_rate suppression_strength
suppression_cells infiltrate_volume stroma_formation stroma_resorption lymphocyte_turnover
lymphocyte_half_saturation""".split()
"""Parameters of the base model that act in one patient, without exact numbers, reference values and effects of covariates."""
COHORTS = """growth_rate priming_rate infiltration pd1_inhibition suppression_strength stroma_formation
immune_escape_initial_fraction""".split()
"""Those that the cohorts of lung cancer let vary, of the target lesions."""
OUTPUTS = {
    "sum of diameters": ("sum_of_diameters",),
    "and memory T cells in blood": ("sum_of_diameters", "memory"),
    "and T cells in the tumour": ("sum_of_diameters", "memory", "effectors", "exhausted"),
    "and living tumour cells": ("sum_of_diameters", "memory", "effectors", "exhausted", "tumour_cells"),
}


@dataclass(frozen=True)
class Rank:
    """The rank of sensitivities, and the parameters that take part in what is not determined."""

    rank: int
    among: int
    confounded: tuple[str, ...]


def model() -> imo.Model:
    """Return the base model with an escape clone, under antibodies and radiotherapy."""
    antibodies = (imo.load_model("pd1_inhibitor", variant="pembrolizumab"), imo.load_model("ctla4_inhibitor"))
    return imo.combine("tumour_immune", *antibodies, "radiotherapy", imo.load_model("clone", variant="immune_escape"))


def rich() -> imo.Regimen:
    """Return an input that moves everything: growth alone, radiotherapy, both antibodies, and a time off treatment."""
    course = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=5, start="30 days")
    course = course.dose("pembrolizumab", "200 mg", every="3 weeks", count=6, start="90 days", over="30 min")
    return course.dose("ipilimumab", "3 mg/kg", every="3 weeks", count=4, start="300 days", over="90 min")


def points(whole: imo.Model, names: Sequence[str]) -> list[dict[str, float]]:
    """Return random values of parameters around those of the file, within bounds; the clone is a hundredth of the tumour."""
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(POINTS):
        values = {}
        for name in names:
            constant = whole.parameters.get(name) or whole.covariates[name]
            middle = 0.01 if name.endswith("initial_fraction") else constant.value
            low, high = constant.bounds or (0.0, np.inf)
            values[name] = float(np.clip(middle * np.exp(SPREAD * random.standard_normal()), 1.01 * low, 0.99 * high))
        found.append(values)
    return found


def sensitivities(
    whole: imo.Model, regimen: imo.Regimen, values: dict[str, float], outputs: Sequence[str], times: FloatArray
) -> FloatArray:
    """Return derivatives of the logarithms of outputs by those of parameters: one row per output and time."""
    names = list(values)
    run = imo.simulate(
        whole, regimen, times=times, parameters=values, outputs=list(outputs), sensitivities=names, rtol=1e-10, progress=False
    )
    parts = []
    for output in outputs:
        size = np.maximum(np.abs(run[output]), 1e-30)
        parts.append(np.stack([run.sensitivity(output, n) * values[n] / size for n in names], axis=-1))
    return np.concatenate(parts)


def rank_of(matrix: FloatArray, names: Sequence[str]) -> Rank:
    """Return the rank of sensitivities; columns of zeros count as not determined."""
    length = np.linalg.norm(matrix, axis=0)
    silent = length < NOTHING * length.max()
    scaled = matrix[:, ~silent] / length[~silent]
    _, sizes, directions = np.linalg.svd(scaled, full_matrices=False)
    rank = int((sizes > NOTHING * sizes[0]).sum())
    kept = np.array(names)[~silent]
    shares = np.abs(directions[rank:]).max(axis=0) if rank < len(kept) else np.zeros(len(kept))
    return Rank(rank, len(names), (*np.array(names)[silent], *kept[shares > 0.01]))


def expected(matrix: FloatArray) -> FloatArray:
    """Return the expected relative standard errors of parameters from observations with an error."""
    return np.asarray(np.sqrt(np.diag(np.linalg.pinv(matrix.T @ matrix / ERROR**2, rcond=1e-14))))


def rows_of(ranks: dict[str, list[Rank]]) -> list[str]:
    """Return a row of the table for each set of outputs."""
    rows = []
    for output, found in ranks.items():
        numbers = sorted({one.rank for one in found})
        text = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        names = dict.fromkeys(name for one in found for name in one.confounded)
        always = [n for n in names if all(n in one.confounded for one in found)]
        rows.append(f"| {output} | {text} of {found[0].among} | {', '.join(f'`{n}`' for n in always) or 'none'} |")
    return rows


def page() -> str:
    """Return the page."""
    whole, names = model(), [*BIOLOGY, "immune_escape_initial_fraction", "baseline_sum_of_diameters"]
    most = OUTPUTS["and living tumour cells"]
    ranks: dict[str, list[Rank]] = {output: [] for output in OUTPUTS}
    for values in points(whole, names):
        matrix = sensitivities(whole, rich(), values, most, TIMES)
        for output, seen in OUTPUTS.items():
            part = np.concatenate([matrix[k * len(TIMES) : (k + 1) * len(TIMES)] for k, n in enumerate(most) if n in seen])
            ranks[output].append(rank_of(part, names))
    treated = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=18, over="30 min")
    few = [sensitivities(whole, treated, v, ("sum_of_diameters",), VISITS) for v in points(whole, COHORTS)]
    spectrum = [np.linalg.svd(m / ERROR, compute_uv=False) for m in few]
    told = sorted(int((s > 1).sum()) for s in spectrum)
    full = sorted(rank_of(m, COHORTS).rank for m in few)
    errors = np.median([expected(m) for m in few], axis=0)
    practical = "\n".join(f"| `{n}` | {100 * e:.3g} % |" for n, e in zip(COHORTS, errors, strict=True))
    return TEXT.format(
        points=POINTS,
        rows="\n".join(rows_of(ranks)),
        cohort=len(COHORTS),
        visits=len(VISITS),
        low=full[0],
        least=told[0],
        middle=told[len(told) // 2],
        highest=told[-1],
        practical=practical,
    )


TEXT = """# Structural identifiability of the base model

Made by `docs/virtual_populations/structural_identifiability.py`. [Decision 0025](decisions/0025-patient-models.md) gives
reasons for the parameters of `tumour_immune` that may vary in a cohort; this page has the computations.

## Without measurement error

Local structural identifiability, at {points} random values of the parameters (with a standard deviation of 0.3 of the logarithm
around those of the file), under radiotherapy, pembrolizumab, ipilimumab and times without treatment, from outputs every six
days for two years. The rank is that of the matrix of exact sensitivities, with columns of unit length. Singular values of less
than 1e-8 of the largest count as zero, so that the ranks are lower bounds; parameters that are determined only through smaller
singular values cannot be estimated in practice. The last column lists the parameters that are confounded with others at all of
these values.

| outputs | rank | confounded |
|---|---|---|
{rows}

## With measurement error

Of the {cohort} parameters that vary in the cohorts of lung cancer, {visits} sums of diameters of one patient under
pembrolizumab, without error, determine {low} at least. With an error of 8 % the number of combinations of parameters that are
known to within a factor of e is {middle} (median; {least} to {highest}). Expected standard errors of a single parameter, if all
are estimated without a prior:

| parameter | relative standard error (median) |
|---|---|
{practical}

Hence two to four parameters can be estimated for one patient, as stated in decision 0025, and the others need the prior of a
population.
"""


if __name__ == "__main__":
    (ROOT / "docs" / "structural_identifiability.md").write_text(page(), encoding="utf-8")
