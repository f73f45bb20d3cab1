"""Published models against independent integrations of their papers' equations."""

import numpy as np
import pytest

import immunoode as imo
from tests.published import trajectory

IL2 = {"effectors": "E", "tumour": "T", "interleukin": "IL2"}
CELLS = {"tumour": "T", "natural_killers": "N", "effectors": "L"}
# The last number is the relative tolerance. Where it is above 1e-6 the reference itself is that far from an integration at
# 1e-13 (DOP853), to which our own lies within 1e-11: its tolerance was 1e-10, absolute errors included, and these curves come
# within a thousandth of a cell of zero.
CASES = [
    ("kuznetsov1994", None, "paper_kuznetsov1994", {"effectors": "E", "tumour": "T"}, {}, 1e-6),
    ("kirschner1998", None, "paper_kirschner1998_c0.02", IL2, {"antigenicity": 0.02}, 1e-3),
    ("kirschner1998", None, "paper_kirschner1998_c0.035", IL2, {"antigenicity": 0.035}, 5e-6),
    ("kirschner1998", None, "paper_kirschner1998_c5e-5", IL2, {"antigenicity": 5e-5}, 5e-6),
    ("kirschner1998", None, "paper_kirschner1998_c0.035_s1_550", IL2, {"effector_infusion": 550.0}, 1e-6),
    ("depillis2005", None, "paper_depillis2005_nn", CELLS, {}, 1e-6),
    ("depillis2005", "ll", "paper_depillis2005_ll", CELLS, {}, 5e-3),
]


@pytest.mark.parametrize(("name", "variant", "file", "columns", "values", "tolerance"), CASES, ids=[c[2] for c in CASES])
def test_it_reproduces_the_paper(name, variant, file, columns, values, tolerance):
    expected = trajectory(file)
    model = imo.load_model(name, variant=variant).with_values(**values)
    run = imo.simulate(model, times=expected["time"].to_numpy(), rtol=1e-12, atol=1e-16, extinction=False)
    run.raise_for_status()
    for ours, theirs in columns.items():
        wanted = expected[theirs].to_numpy()
        floor = 1e-9 * np.abs(wanted).max()  # the independent integration has an absolute error of its own
        assert np.max(np.abs(run[ours] - wanted) / np.maximum(np.abs(wanted), floor)) < tolerance, ours


def test_kirschner_equals_an_integration_written_out():
    from scipy.integrate import solve_ivp

    def rates(t, y):
        effectors, tumour, interleukin = y
        return [
            0.02 * tumour - 0.03 * effectors + 0.1245 * effectors * interleukin / (2e7 + interleukin),
            0.18 * tumour * (1 - 1e-9 * tumour) - effectors * tumour / (1e5 + tumour),
            5 * effectors * tumour / (1e3 + tumour) - 10 * interleukin,
        ]

    times = np.arange(0.0, 501.0, 10.0)
    expected = solve_ivp(rates, (0, 500), [1, 1, 1], method="DOP853", rtol=1e-12, atol=1e-16, t_eval=times).y
    run = imo.simulate(imo.load_model("kirschner1998").with_values(antigenicity=0.02), times=times, rtol=1e-12, atol=1e-16)
    for name, wanted in zip(("effectors", "tumour", "interleukin"), expected, strict=True):
        assert run[name] == pytest.approx(wanted, rel=1e-9)


def test_kuznetsov_has_the_steady_states_of_the_paper():
    model = imo.load_model("kuznetsov1994")
    # the dormant focus, in units of 1e6 cells
    run = imo.simulate(model.with_values(initial_effectors=1.6092032797937963e6, initial_tumour=8.18970666448764e6), until="1 year")
    assert run["tumour"][-1] == pytest.approx(8.18970666448764e6, rel=1e-3)


def test_kirschner_clears_the_tumour_above_the_published_threshold():
    # the tumour-free state is stable for s1 > r2 g2 mu2 / a = 540 cells a day
    above, below = (imo.simulate(imo.load_model("kirschner1998").with_values(effector_infusion=s), until="4000 days") for s in (600, 480))
    assert above["tumour"][-1] < 1e-3 < 100 < below["tumour"][-1]
