"""The base model of version 0.1, written out a second time from its description."""

from __future__ import annotations

from papers.solve import Paper

STATES = ("tumour", "dying", "antigen", "effectors", "exhausted", "lymphocytes")


def sat(x, half):
    return x / (half + x)


def start():
    """Return the state of the untreated patient at the start."""
    cells = 3.141592653589793 / 6 * 70**3 / 2**2 * 0.001 * 5e8
    tumour = cells * 0.03 / (0.03 + 0.0075)
    antigen = 0.0075 * tumour / 0.3
    signal, activity = sat(antigen, 4.5e8), 1 / 4
    exhaustion = 0.1 * signal * (1 - activity)
    arrival = 1e4 + (1e7 + 1e7 * activity) * signal
    loss = 0.1 + exhaustion
    surplus = arrival + (0.1 * activity * signal - loss) * 3e8
    effectors = (surplus + (surplus**2 + 4 * loss * arrival * 3e8) ** 0.5) / (2 * loss)
    return {
        "tumour": tumour,
        "dying": cells - tumour,
        "antigen": antigen,
        "effectors": effectors,
        "exhausted": exhaustion * effectors / 0.05,
        "lymphocytes": 1500.0,
    }


def rates(t, y):
    """Return the rates of the untreated tumour."""
    cells, dying, antigen, effectors, exhausted, lymphocytes = (float(v) for v in y)
    activity, signal = 1 / 4, sat(antigen, 4.5e8)
    support = 1.5 * sat(lymphocytes / 1500, 0.5)
    kill = 4 * activity * effectors / (3.5e10 + effectors + cells)
    exhaustion = 0.1 * signal * (1 - activity)
    arrival = support * (1e7 * signal + 1e4 + 1e7 * activity * signal)
    division = 0.1 * activity * signal * 3e8 / (3e8 + effectors)
    return [
        (0.006 * (1 - cells / 1e12) - kill) * cells,
        (0.0075 + kill) * cells - 0.03 * dying,
        0.03 * dying - 0.3 * antigen,
        arrival + (division - 0.1 - exhaustion) * effectors,
        exhaustion * effectors - 0.05 * exhausted,
        0.03 * (1500 - lymphocytes),
    ]


FIRST = start()
PAPERS = [Paper("tumour_immune_0_1", STATES, 365.0, rates, tuple(FIRST[n] for n in STATES), stiff=True, shown=STATES)]
