"""Small models whose solutions are known, for the tests of the engines."""

import numpy as np

from immunoode.model.components import Compartment, Derived, Flow, Input, Parameter, Pulse
from immunoode.model.model import Model
from immunoode.regimen.schedule import Schedule


def schedule(*rows):
    """Return a schedule of (time, input, amount[, duration]) rows."""
    full = [(*row, 0.0)[:4] for row in rows]
    times, inputs, amounts, durations = zip(*full, strict=True) if full else ((), (), (), ())
    return Schedule(np.array(times, float), tuple(inputs), np.array(amounts, float), np.array(durations, float))


def base(name, parameters, compartments, flows, **tables):
    """Return a model of plain numbers (unit 1, rates by day)."""
    return Model(
        name=name,
        kind="base",
        parameters={k: _parameter(v) for k, v in parameters.items()},
        compartments={k: v if isinstance(v, Compartment) else Compartment("1", v) for k, v in compartments.items()},
        flows=flows,
        **tables,
    )


def _parameter(value):
    if isinstance(value, Parameter):
        return value
    return Parameter(*value) if isinstance(value, tuple) else Parameter(value, "1/day")


def two_compartments():
    """Return a drug in two compartments: 2 litres a day from 10 litres, and 3 litres a day to and from 15 litres."""
    return base(
        "two_compartments",
        {"out": 0.2, "away": 0.3, "back": 0.2},
        {"central": 0.0, "peripheral": 0.0},
        {
            "elimination": Flow("central", per_capita="out"),
            "distribution": Flow("central", "peripheral", per_capita="away"),
            "coming_back": Flow("peripheral", "central", per_capita="back"),
        },
        inputs={"dose": Input("central", "1")},
    )


def decay(rate=1.0, initial=1.0, **options):
    """Return exponential decay, from an amount that may be dosed into."""
    return base(
        "decay",
        {"rate": rate},
        {"amount": Compartment("1", initial, **options)},
        {"loss": Flow("amount", per_capita="rate")},
        inputs={"dose": Input("amount", "1")},
    )


def blow_up():
    """Return y' = y^2 from 1: infinite at day 1."""
    return base("blow_up", {"rate": 1.0}, {"amount": 1.0}, {"growth": Flow("", "amount", rate="rate * amount ** 2")})


def robertson():
    """Return Robertson's reactions, whose rates span nine orders of magnitude."""
    return base(
        "robertson",
        {"slow": 0.04, "fast": 3e7, "middle": 1e4},
        {"a": 1.0, "b": 0.0, "c": 0.0},
        {
            "a_to_b": Flow("a", "b", per_capita="slow"),
            "b_to_c": Flow("b", "c", per_capita="fast * b"),
            "b_to_a": Flow("b", "a", per_capita="middle * c"),
        },
    )


def binding():
    """Return a drug that binds its target within minutes and is dosed for months: stiff after every dose."""
    return base(
        "binding",
        {"out": 0.05, "on": 500.0, "off": 200.0, "made": 0.5, "lost": 0.5, "internal": 2.0},
        {"drug": 0.0, "target": 1.0, "bound": 0.0},
        {
            "elimination": Flow("drug", per_capita="out"),
            "meeting": Flow("drug", "bound", per_capita="on * target"),
            "meeting_target": Flow("target", per_capita="on * drug"),
            "parting": Flow("bound", "drug", per_capita="off"),
            "parting_target": Flow("", "target", rate="off * bound"),
            "making": Flow("", "target", rate="made"),
            "losing": Flow("target", per_capita="lost"),
            "internalisation": Flow("bound", per_capita="internal"),
        },
        inputs={"dose": Input("drug", "1")},
    )


def cells(threshold, **more):
    """Return cells that die at 1 a day from 1000, counted down to a threshold, with a pulse that takes half."""
    return base(
        "cells",
        {"death": 1.0, "arrival": 0.0},
        {"tumour": Compartment("1", 1000.0, extinct_below=threshold, **more), "debris": 0.0},
        {"dying": Flow("tumour", "debris", per_capita="death"), "arriving": Flow("", "tumour", rate="arrival")},
        inputs={"fraction": Input("debris", "1", fraction="0")},
        pulses={"kill": Pulse("fraction", "tumour", "1 - exp(-dose)", target="debris")},
        derived={"total": Derived("tumour + debris")},
    )
