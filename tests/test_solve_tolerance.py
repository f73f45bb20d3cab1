"""Absolute tolerances come from the size of a state itself, whatever its unit, its neighbours and the size of doses."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.components import Flow, Input, Parameter
from tests.solve_models import base
from tests.test_solve_exact import ways

TIMES = np.linspace(0.0, 20.0, 81)


def close(found, wanted, rtol):
    """Whether values are right to a share of their own largest value, and to ten times that of themselves."""
    error, size = np.abs(found - wanted), np.abs(wanted)
    return error.max() < rtol * size.max() and (error <= 10 * rtol * size + 1e-3 * rtol * size.max()).all()


def beside(production, loss, cells=1e7, decay=0.1):
    """Return cells that decay, and what they make from nothing: all in one unit."""
    return base(
        "beside",
        {"production": production, "loss": loss, "decay": decay},
        {"cells": cells, "made": 0.0},
        {
            "death": Flow("cells", per_capita="decay"),
            "making": Flow("", "made", rate="production * cells"),
            "losing": Flow("made", per_capita="loss"),
        },
    )


def made(production, loss, t, cells=1e7, decay=0.1):
    return production * cells / (loss - decay) * (np.exp(-decay * t) - np.exp(-loss * t))


@ways
@pytest.mark.parametrize("production", [1e-4, 1e-10, 1e-16, 1e-22])
@pytest.mark.parametrize("loss", [0.7, 40.0])
def test_a_state_that_starts_empty_beside_large_ones(production, loss, way):
    found = imo.simulate(beside(production, loss), times=TIMES, **way)
    assert found.ok and close(found["made"], made(production, loss, TIMES), 2e-5)


@ways
@pytest.mark.parametrize("size", [1e-15, 1e-3, 1e12])
def test_results_scale_with_their_unit(size, way):
    """The same solution in any unit, a dose into an empty state and what comes from it."""
    whole = base(
        "scaled",
        {"up": 1.3, "out": 0.4, "on": 2.0},
        {"depot": 0.0, "central": 0.0, "away": 0.0},
        {
            "inward": Flow("depot", "central", per_capita="up"),
            "out_": Flow("central", "away", per_capita="out"),
            "gone": Flow("away", per_capita="on"),
        },
        inputs={"dose": Input("depot", "1")},
    )
    times = TIMES + 1.0
    found = imo.simulate(whole, imo.Regimen().dose("dose", size, start=1.0), times=times, **way)
    a, b, c = 1.3, 0.4, 2.0
    wanted = (
        size
        * a
        * b
        * (
            np.exp(-a * TIMES) / ((b - a) * (c - a))
            + np.exp(-b * TIMES) / ((a - b) * (c - b))
            + np.exp(-c * TIMES) / ((a - c) * (b - c))
        )
    )
    assert found.ok and close(found["away"][1:], wanted[1:], 2e-5)


def chain(length, first=1e7, speed=0.8):
    states = {f"s{i}": first if i == 0 else 0.0 for i in range(length)}
    flows = {f"f{i}": Flow(f"s{i}", f"s{i + 1}" if i + 1 < length else "", per_capita="speed") for i in range(length)}
    return base("chain", {"speed": speed}, states, flows)


@ways
def test_a_long_chain_of_empty_states(way):
    """Each is the next term of an exponential series: the later ones begin with a power of time above the method's order."""
    found = imo.simulate(chain(14), times=TIMES, **way)
    term = np.exp(-0.8 * TIMES) * 1e7
    for i in range(14):
        assert close(found[f"s{i}"], term, 2e-5), i
        term = term * 0.8 * TIMES / (i + 1)


@ways
@pytest.mark.parametrize("size", [1.0, 1e-12])
def test_what_begins_at_a_time(size, way):
    """Nothing feeds it before day 5, then something small beside the others does, through two more empty states."""
    whole = base(
        "later",
        {"rate": size, "pace": 0.5, "onset": Parameter(5.0, "day")},
        {"cells": 1e9, "one": 0.0, "two": 0.0},
        {
            "steady": Flow("", "cells", rate="0 * rate"),
            "begins": Flow("", "one", rate="piecewise(rate, time > onset, 0)"),
            "on": Flow("one", "two", per_capita="pace"),
            "off": Flow("two", per_capita="pace"),
        },
    )
    found = imo.simulate(whole, times=TIMES, **way)
    t = 0.5 * np.maximum(TIMES - 5, 0)
    assert found.ok and close(found["two"], 2 * size * (1 - (1 + t) * np.exp(-t)), 5e-5)


@ways
def test_a_clone_that_mutation_begins(way):
    """A few cells per day out of ten million, which grow beyond all others."""
    whole = base(
        "clone",
        {"mutation": 1e-9, "growth": 0.9, "decay": 0.1},
        {"cells": 1e7, "clone": 0.0},
        {
            "death": Flow("cells", per_capita="decay"),
            "mutants": Flow("", "clone", rate="mutation * cells"),
            "growing": Flow("", "clone", rate="growth * clone"),
        },
    )
    found = imo.simulate(whole, times=TIMES, **way)
    assert close(found["clone"], made(1e-9, -0.9, TIMES), 5e-5)


@ways
def test_what_balances_to_rounding_stays_nothing(way):
    """What is made of the difference of two equal large states is rounding: no step fails for it."""
    whole = base(
        "balanced",
        {"k": 0.3, "one": 1.0},
        {"a": 1e7, "b": 1e7, "left": 0.0},
        {
            "ina": Flow("", "a", rate="k * (3e6 - a)"),
            "inb": Flow("", "b", rate="k * 3e6 - k * b"),
            "rest": Flow("", "left", rate="one * (a - b)"),
            "off": Flow("left", per_capita="one"),
        },
    )
    found = imo.simulate(whole, times=TIMES, **way)
    assert found.ok and np.abs(found["left"]).max() < 1e-5 and found.counts[0, 0] < 400


@ways
def test_binding_to_a_target_in_mol(way):
    """Drug in excess of a target, amounts in mol: the complex is a relaxation in closed form."""
    on, off, drug, target = 3e9, 0.2, 1e-9, 1e-15
    whole = base(
        "binding",
        {"on": on, "off": off},
        {"drug": drug, "free": target, "bound": 0.0},
        {
            "constant": Flow("", "drug", rate="0 * on"),
            "binding": Flow("free", "bound", rate="on * drug * free"),
            "release": Flow("bound", "free", per_capita="off"),
        },
    )
    found = imo.simulate(whole, times=TIMES, **way)
    wanted = target * on * drug / (on * drug + off) * -np.expm1(-(on * drug + off) * TIMES)
    assert found.ok and close(found["bound"], wanted, 2e-5)


def test_sensitivities_of_what_starts_empty():
    found = imo.simulate(beside(1e-10, 0.7), times=TIMES, sensitivities=["production", "loss"], outputs=["made"])
    assert close(found.sensitivity("made", "production"), made(1.0, 0.7, TIMES), 2e-5)
    step = 1e-6
    slope = (made(1e-10, 0.7 + step, TIMES) - made(1e-10, 0.7 - step, TIMES)) / (2 * step)
    assert close(-found.sensitivity("made", "loss"), -slope, 5e-5)


def test_a_subject_is_the_same_in_any_company():
    """Subjects whose state starts empty, and those whose does not, in one run or alone."""
    import pandas as pd

    values = pd.DataFrame({"production": [1e-4, 1e-10, 1e-16, 1e-22], "loss": [0.7, 40.0, 0.7, 40.0]})
    whole = beside(1e-4, 0.7)
    together = imo.simulate(whole, times=TIMES, parameters=values)
    for i in range(len(values)):
        alone = imo.simulate(whole, times=TIMES, parameters=values.iloc[[i]])
        assert np.array_equal(alone.values[0], together.values[i])
