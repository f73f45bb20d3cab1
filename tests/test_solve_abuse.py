"""Random parameters within their bounds, for every shipped model: each patient ends in a result or in a status."""

import numpy as np
import pytest

from immunoode.model.closed_model import resolve
from immunoode.solve.status import FINISHED, NEGATIVE, NOT_FINITE, TOO_MANY, TOO_SMALL
from tests.long_forms import spread
from tests.shipped import CASES, DAYS, draws, given, name_of, whole
from tests.simulators import simulator_of
from tests.solve_models import base, schedule

MOST_STEPS = 20_000
"""What bounds the time of a patient: a step takes microseconds."""
LARGE = 15
"""States of models of which fewer draws are made: a draw that ends in a status takes seconds."""
SHARE = {"hosseini2020": 0.6}
"""With sixty parameters drawn at once, more draws of it grow without end."""
REFUSED = {"lesion"}
"""Models some of whose draws have no start: the measured lesion alone is larger than the drawn sum of diameters."""
TIMES = np.linspace(0, DAYS, 9)
FIRST = list({name: (name, variant) for name, variant in reversed(CASES)}.values())[::-1]
"""One variant of each model."""


def check(case, count, seed):
    model = whole(*case)
    states, doses = list(resolve(model).equations.states), given(model)
    values = draws(model, count, seed)
    solution = simulator_of(model, [doses] * count, TIMES, states, max_steps=MOST_STEPS).run(values)
    refused = solution.codes == NEGATIVE
    assert set(solution.codes.tolist()) <= {FINISHED, TOO_SMALL, TOO_MANY, NOT_FINITE, NEGATIVE}
    assert refused.any() == (case[0] in REFUSED)
    assert all(solution.status(p).time == 0.0 for p in np.flatnonzero(refused))
    assert np.isfinite(solution.values[solution.ok]).all()
    assert (solution.values[solution.ok] >= 0.0).all()
    for p in np.flatnonzero(~solution.ok):
        status = solution.status(p)
        before = TIMES < status.time if solution.codes[p] in (NOT_FINITE, NEGATIVE) else TIMES <= status.time
        reached = solution.values[p][before]
        assert np.isfinite(reached).all() and status.advice and set(status.state) == set(states)
    finished = solution.ok[~refused].mean()
    print(
        f"{name_of(case)}: {finished:.2%} finished, {refused.mean():.2%} refused, at most {solution.counts[:, 0].max()} steps"
    )
    assert finished > SHARE.get(case[0], 0.7)  # bounds are wide: some draws grow without end


@pytest.mark.parametrize("case", spread([case for case in CASES if case not in FIRST], 3), ids=name_of)
def test_random_parameters(case):
    """Variants have the equations of their model, and as a rule its bounds: few draws show what their own values change."""
    check(case, 100, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("case", FIRST, ids=name_of)
def test_many_random_parameters(case):
    """What goes wrong in one draw of a thousand is among 3,000 with a probability of 95 %."""
    states = len(resolve(whole(*case)).equations.states)
    check(case, 3_000 if states <= LARGE else 300, seed=2)


def test_an_implicit_step_does_not_pass_over_a_dose():
    """A dose that is gone within seconds, reported an hour later and beside it: long steps must not blur it."""
    from immunoode.model.components import Flow, Input

    model = base(
        "quick",
        {"fast": 1e6, "slow": 0.01},
        {"quick": 0.0, "mass": 1.0},
        {"gone": Flow("quick", "mass", per_capita="fast"), "loss": Flow("mass", per_capita="slow")},
        inputs={"dose": Input("quick", "1")},
    )
    times = np.array([0.0, 50.0, 50.0 + 1e-7, 50.04, 51.0, 80.0])
    for method in ("auto", "rodas5p"):
        simulator = simulator_of(
            model, [schedule((0, "dose", 1.0), (50, "dose", 1.0))], times, ["quick", "mass"], method=method
        )
        quick, mass = simulator.run(np.array([resolve(model).equations.values])).values[0].T
        assert quick[2] == pytest.approx(np.exp(-0.1), rel=1e-4)
        assert np.all(np.abs(quick[3:]) < 1e-8)
        assert mass[3:] == pytest.approx(2 * np.exp(-0.01 * times[3:]) + np.exp(-0.01 * (times[3:] - 50)), rel=1e-5)
