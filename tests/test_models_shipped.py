"""Gates that every shipped model and variant passes."""

from pathlib import Path

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.check import check, check_sources
from immunoode.model.library import models_folder
from immunoode.model.references import REFERENCES, entries_of, keys_of
from tests.long_forms import spread
from tests.test_model_composition import companions, shipped

ROOT = Path(__file__).resolve().parents[1]
VARIANTS = [(name, variant) for name in shipped() for variant in (None, *imo.load_model(name).variants)]


@pytest.mark.parametrize("name", shipped())
def test_it_is_well_formed_and_every_number_has_a_source(name):
    model = imo.load_model(name)
    bib = keys_of(models_folder() / REFERENCES)
    assert [*check(model, bib=bib), *check_sources(model)] == []
    assert set(model.references) <= bib
    assert model.title and model.description


def test_entries_of_the_bibliography_are_closed_and_have_different_keys():
    path = models_folder() / REFERENCES
    entries, text = entries_of(path), path.read_text(encoding="utf-8")
    assert [key for key, entry in entries.items() if entry.count("{") != entry.count("}")] == []
    assert text.count("\n@") + 1 == len(entries) == len(keys_of(path))


@pytest.mark.parametrize("name", shipped())
def test_every_parameter_has_bounds_around_it(name):
    for key, parameter in imo.load_model(name).parameters.items():
        assert parameter.bounds is not None, key


@pytest.mark.parametrize("case", spread(VARIANTS, 15), ids=lambda case: f"{case[0]}-{case[1]}")
def test_it_solves_without_doses(case):
    name, variant = case
    model = imo.load_model(name, variant=variant)
    if model.kind not in ("base", "published"):
        model = companions(model)
    run = imo.simulate(model, until="60 days")
    run.raise_for_status()
    assert np.isfinite(run.values).all()
    states = [run.names.index(s) for s in imo.combine(model).compartments]
    assert run.values[..., states].min() >= 0


@pytest.mark.parametrize("name", shipped())
def test_it_says_how_it_was_checked_by_a_test_that_exists(name):
    model = imo.load_model(name)
    assert model.checks and any(one.tolerance for one in model.checks)
    for one in model.checks:
        path, _, function = one.test.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, one.test
        assert one.against and 0 <= one.tolerance < 1
        assert one.against in imo.list_models().loc[name, "checked"]
    cited = imo.cite(name)  # a published model has a paper, or public code of its authors
    assert cited.startswith("@") and (model.kind != "published" or "doi" in cited or "https://github.com" in cited)
