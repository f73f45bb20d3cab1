"""Small models whose optimal schedules are known."""

import numpy as np

import immunoode as imo
from immunoode.model.components import Compartment, Flow, Input, Parameter, Pulse
from tests.solve_models import base

HORIZON = 50.0


def leukaemia():
    """Return the model of Sharp et al. 2019 (J Theor Biol 470:30-42) with its pay-off, as their code for figure 5 has it.

    The control u is `given - withdrawn`: infusions of both over a step move it from level to level, with
    amounts that are not negative.
    """
    rates = {"ps": 0.5, "pa": 0.43, "pl": 0.27, "gs": 0.14, "ga": 0.44, "gl": 0.05, "ux": 0.275, "ut": 0.3, "alpha": 0.015}
    parameters = {**rates, "gamma": Parameter(0.1, "1"), "one": Parameter(1.0, "1/day")}
    states = {"stem": 1 - 0.14 / 0.5, "progenitor": 0.3255, "mature": 0.5207, "leukaemic": 0.3715, "blast": 0.0619}
    control = "(given - withdrawn)"
    flows = {
        "stem_growth": Flow(target="stem", rate="ps * stem * (1 - stem)"),
        "stem_differentiation": Flow("stem", "progenitor", per_capita="gs"),
        "progenitor_growth": Flow(target="progenitor", rate="pa * progenitor * (1 - progenitor - leukaemic)"),
        "progenitor_differentiation": Flow("progenitor", "mature", per_capita="ga"),
        "mature_migration": Flow("mature", per_capita="ux"),
        "leukaemic_growth": Flow(target="leukaemic", rate="pl * leukaemic * (1 - progenitor - leukaemic)"),
        "leukaemic_differentiation": Flow("leukaemic", "blast", per_capita="gl"),
        "immune_kill": Flow("leukaemic", rate="alpha * leukaemic / (gamma + leukaemic)"),
        "chemotherapy": Flow("leukaemic", rate=f"one * {control} * leukaemic"),
        "blast_migration": Flow("blast", per_capita="ut"),
        "running_cost": Flow(target="cost", rate=f"one * ({control} ** 2 + leukaemic ** 2)"),
    }
    return base(
        "leukaemia",
        parameters,
        {**states, "given": 0.0, "withdrawn": 0.0, "cost": 0.0},
        flows,
        inputs={"give": Input("given", "1"), "withdraw": Input("withdrawn", "1")},
    )


def ramps(u):
    """Return the regimen of a piecewise linear control, with more steps at the beginning."""
    times = HORIZON * (np.arange(len(u)) / (len(u) - 1)) ** 2
    regimen = imo.Regimen().dose("give", u[0])
    for k, step in enumerate(np.diff(times)):
        regimen = regimen.dose("give", u[k + 1], start=times[k], over=step).dose("withdraw", u[k], start=times[k], over=step)
    return regimen


def log_kill(growth=0.1):
    """Return a tumour that grows exponentially and loses a share exp(-kill x dose) of its cells to each dose."""
    return base(
        "log_kill",
        {"growth": growth, "kill": Parameter(0.5, "1"), "loss": 1.0},
        {"tumour": Compartment("1", 1.0, roles=("tumour",)), "drug": 0.0},
        {"growth": Flow(target="tumour", rate="growth * tumour"), "elimination": Flow("drug", per_capita="loss")},
        inputs={"dose": Input("drug", "1")},
        pulses={"kill": Pulse(on="dose", source="tumour", fraction="1 - exp(-kill * dose)")},
    )


def linear_quadratic(alpha, alpha_beta, growth):
    """Return a tumour that grows exponentially, of which a fraction d leaves exp(-alpha (d + d^2 / alpha_beta))."""
    return base(
        "linear_quadratic",
        {"growth": growth, "alpha": Parameter(alpha, "1"), "ratio": Parameter(alpha_beta, "1"), "loss": 1.0},
        {"tumour": Compartment("1", 1.0, roles=("tumour",)), "field": 0.0},
        {"growth": Flow(target="tumour", rate="growth * tumour"), "elimination": Flow("field", per_capita="loss")},
        inputs={"fraction": Input("field", "1")},
        pulses={"kill": Pulse(on="fraction", source="tumour", fraction="1 - exp(-alpha * (dose + dose ** 2 / ratio))")},
    )
