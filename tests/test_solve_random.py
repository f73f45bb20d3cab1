"""Random combinations of therapies with random regimens: the compiled engine and the reference agree."""

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.closed_model import resolve
from tests.long_forms import spread
from tests.shipped import CASES, given, name_of, whole
from tests.test_models_combinations import MATTERS, agreement
from tests.therapies import MODELS, regimen_of

COUNT = 100
"""A fault of one combination in 30 is among 100 with a probability of 95 %; `test_models_combinations` has every subset."""
TIGHT = 1e-10
"""Many of the combinations kill the tumour: what its last cells leave behind depends on errors that were made before."""
RTOL = {
    "chaudhury2020": 1e-10,
    "creemers2021": 1e-10,
    "dritschel2018": 1e-12,
    "kareva2023": 1e-11,
    "kimmel2021": 1e-11,
    "pd1_inhibitor": 1e-9,
}
"""Tighter where small differences grow: a predator and its prey; tipping points; a tumour back from nearly nothing."""


def drawn(number):
    """Return a random combination: one to five therapies on a variant of the base, each shifted, with other amounts."""
    random = np.random.default_rng([number, 20])
    chosen = random.choice(list(MODELS), size=random.integers(1, 6), replace=False)
    variant = random.choice(list(imo.load_model("tumour_immune").variants))
    parts = [imo.load_model(name, variant=v) for name, v in (MODELS[c] for c in chosen)]
    model = imo.combine(imo.load_model("tumour_immune", variant=variant), *parts)
    regimens = [regimen_of(c).shift(float(random.uniform(0, 60))) for c in chosen]
    scaled = [
        imo.Regimen(tuple(replace(rule, amount=rule.amount * float(random.uniform(0.3, 2))) for rule in r.rules))
        for r in regimens
    ]
    return model, reduce(add, scaled)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(COUNT))
def test_engines_agree_on_random_combinations(number):
    assert agreement(*drawn(number), rtol=TIGHT) < 1e-5


@pytest.mark.parametrize("case", spread(CASES, 8), ids=name_of)
def test_engines_agree_on_every_shipped_model(case):
    model = whole(*case)
    doses = given(model)
    rtol = RTOL.get(case[0], 1e-8)
    first, second = (
        imo.simulate(model, doses, until=200, engine=engine, rtol=rtol, outputs=list(model.compartments))
        for engine in ("compiled", "scipy")
    )
    assert first.ok and second.ok
    a, b = first.values[0], second.values[0]
    largest = np.abs(b).max(axis=0)
    for name, amount in zip(doses.inputs, doses.amounts, strict=True):
        at = first.names.index(model.inputs[name].into)
        largest[at] = max(largest[at], amount)
    for one, other in resolve(model).equations.exchanges:
        largest[[one, other]] = largest[[one, other]].max()
    assert np.max(np.abs(a - b) / np.maximum(np.abs(b), MATTERS * largest + 1e-12)) < 1e-5
