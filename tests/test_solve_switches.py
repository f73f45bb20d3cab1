"""Rates that switch where a state stands at the start: max(0, x) with x = 0, and abs."""

import re
import shutil

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.paths import models_folder
from immunoode.model.symbolic import size_of_terms

CORNER = re.compile(r"\((\w+) \+ sqrt\(\1 \*\* 2 \+ corner \*\* 2\)\) / 2")
AT_A_SWITCH = """
kind = "base"
title = "A state that stands where its rate switches"
[parameters]
rate = { value = 0.3, unit = "1/day", source = "estimate: any rate does" }
[compartments]
x = { unit = "1", initial = "1" }
y = { unit = "1", initial = "0" }
[inputs]
dose = { into = "x", unit = "1" }
[flows]
arrival = { to = "x", rate = "rate" }
loss = { from = "x", per_capita = "rate" }
excess = { to = "y", rate = "rate * max(0, x - 1)" }
"""


@pytest.fixture
def cornered(tmp_path):
    """The model of hosseini2020 with max(0, x) in the place of its rounded corners; x is 0 before treatment."""
    text, count = CORNER.subn(r"max(0, \1)", (models_folder() / "hosseini2020.toml").read_text(encoding="utf-8"))
    assert count
    path = tmp_path / "cornered.toml"
    path.write_text(text, encoding="utf-8")
    shutil.copy(models_folder() / "references.bib", tmp_path)
    return imo.read_model(path)


@pytest.mark.slow
def test_a_state_that_stands_at_its_switches_does_not_stall(cornered):
    run = imo.simulate(cornered, until=30)
    rounded = imo.simulate("hosseini2020", until=30)
    assert int(run.statistics["rejections"].iloc[0]) < 1000
    for name in ("b_cells_blood", "activated_blood", "tumour"):
        np.testing.assert_allclose(run[name][-1], rounded[name][-1], rtol=1e-5)


def test_a_dose_moves_it_from_its_switch(tmp_path):
    path = tmp_path / "switch.toml"
    path.write_text(AT_A_SWITCH, encoding="utf-8")
    model = imo.read_model(path)
    run = imo.simulate(model, imo.Regimen().dose("dose", 2, start=5.0), times=[0.0, 4.0, 15.0])
    np.testing.assert_allclose(run["y"], [0, 0, 2 * (1 - np.exp(-3.0))], atol=1e-7)


def test_the_size_of_terms_is_that_of_what_is_added_up():
    from symengine import symbols

    x, y = symbols("x y")
    assert float(size_of_terms(3 * x - 2 * y).subs({x: 1.0, y: -4.0})) == 11
    assert float(size_of_terms((x - 1) * (y + 2)).subs({x: 1.0, y: -4.0})) == 12
