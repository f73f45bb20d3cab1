"""Flows with a producer: what arrives is proportional to compartments that they do not leave."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import ModelError
from immunoode.model.latex import state_equations

BASE = """
kind = "base"
title = "Two kinds of tumour cells and their antigen"
[parameters]
kill = { value = 0.1, unit = "1/day", source = "estimate: any rate does" }
resistance = { value = 0.5, unit = "1", bounds = [0, 1], source = "estimate: any share does" }
[compartments]
a = { unit = "cell", initial = 100, roles = ["tumour"] }
b = { unit = "cell", initial = 60, roles = ["tumour"] }
antigen = { unit = "cell", roles = ["antigen"] }
[resistances]
of_b = { of = "b", against = "chemotherapy", share = "resistance" }
[flows]
release = { producer = "role:tumour", to = "role:antigen", per_capita = "kill", gain = "2", cause = "chemotherapy" }
"""


def read(tmp_path, text):
    path = tmp_path / "produced.toml"
    path.write_text(text, encoding="utf-8")
    return imo.read_model(path)


def test_the_producers_stay_and_resistances_count(tmp_path):
    model = read(tmp_path, BASE)
    run = imo.simulate(model, times=[0, 1.0])
    np.testing.assert_allclose([run["a"][1], run["b"][1], run["antigen"][1]], [100, 60, 2 * 0.1 * (100 + 30)], rtol=1e-9)
    assert "a" not in [n for n, equation in state_equations(model).items() if equation.endswith("- 0")]


def test_it_is_written_and_read_and_exported(tmp_path):
    model = read(tmp_path, BASE)
    imo.save_model(model, tmp_path / "again.toml")
    assert imo.read_model(tmp_path / "again.toml").flows == model.flows
    assert imo.simulate(imo.simulate(model, times=[0, 2.0]).model, times=[0, 2.0])["antigen"][1] == pytest.approx(52)


@pytest.mark.parametrize(
    ("wrong", "phrase"),
    [
        ('from = "a", producer = "b", to = "antigen", per_capita = "kill"', "stands beside from"),
        ('producer = "b", to = "antigen", rate = "kill * b"', "stands beside rate"),
        ('producer = "b", to = "antigen", per_capita = "kill * self / b"', "is self"),
        ('producer = "c", to = "antigen", per_capita = "kill"', "'c' is neither a compartment"),
    ],
)
def test_what_is_wrong_with_a_producer_is_said(tmp_path, wrong, phrase):
    text = BASE.split("[flows]")[0] + "[flows]\nrelease = { " + wrong + " }\n"
    with pytest.raises(ModelError, match=phrase):
        read(tmp_path, text)
