"""Forward sensitivities: what each costs beside a plain solve, how exact they are, and what a fit gains from them."""

from __future__ import annotations

import time

import numpy as np
from peers import Entry
from peers.ours import MANY
from tools.problem import Problem, pembrolizumab_binding, reference_problem
from tools.results import milliseconds, show
from tools.timing import one_processor, times

import immunoode as imo
from immunoode.fitting.finite_differences import by_differences
from immunoode.fitting.simulation_predictor import Simulated
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator

TEXT = """Derivatives of one daily output by parameters, solved together with the states, 100 patients per call, one
thread, against the
same call without them; as a check, their largest difference from central differences of solves at a relative tolerance of
1e-12, over the largest value of the derivative. The fit is of the example trial that ships with the package, growth and
priming rate for all and a kill rate for each subject, with derivatives from sensitivities and from central differences of
simulations: the same fit otherwise."""


def main() -> None:
    """Print the table."""
    one_processor()
    rows = _solves("reference problem", reference_problem(), "T", ["r", "k", "CL", "dE", "kcar"])
    stiff = pembrolizumab_binding()
    rows += _solves("stiff problem", stiff, stiff.states[-1], list(stiff.parameters[:5]))
    show("sensitivities", "Sensitivities", TEXT, ("what", "measured", "relative", "error"), rows + _fits())


def _solves(name: str, problem: Problem, output: str, by: list[str]) -> list[tuple[str, str, str, str]]:
    simulators = [_simulator(problem, output, by[:count]) for count in (0, 1, len(by))]
    values = problem.values[None, :]
    entries = [Entry(name, lambda s=s: s.run(values, threads=1).values[-1], patients=MANY) for s in simulators]
    seconds = times(entries)
    words = ("plain solve", "one sensitivity", f"{len(by)} sensitivities")
    errors = ("", "", f"{_error(problem, output, by, simulators[-1]):.1e}")
    return [
        (f"{name}: {w}", f"{milliseconds(s)} ms per patient", f"{s / seconds[0]:.2f} x", e)
        for w, s, e in zip(words, seconds, errors, strict=True)
    ]


def _simulator(problem: Problem, output: str, by: list[str], rtol: float | None = None, patients: int = MANY) -> Simulator:
    inputs = {name: target.unit for name, target in problem.equations.inputs.items()}
    schedule = problem.regimen.schedule(inputs, dict(zip(problem.parameters, problem.values, strict=True)))
    share = 1.0 if rtol is None else rtol / problem.rtol
    return make_simulator(
        problem.model,
        [schedule] * patients,
        problem.times,
        [output],
        solver=SolverOptions(rtol=rtol or problem.rtol, atol=problem.atol * share),
        sensitivities=by,
    )


def _error(problem: Problem, output: str, by: list[str], simulator: Simulator) -> float:
    found = simulator.run(problem.values[None, :], threads=1).derivatives[0, :, :, 0]
    exact, worst = _simulator(problem, output, [], 1e-12, 4), 0.0
    for k, name in enumerate(by):
        at = problem.parameters.index(name)
        moves = np.array([1e-3, -1e-3, 2e-3, -2e-3])
        rows = np.tile(problem.values, (4, 1))
        rows[:, at] *= 1 + moves
        up, down, far_up, far_down = exact.run(rows).values[:, :, 0]
        unit = problem.values[at]
        wanted = (4 * (up - down) / (2e-3 * unit) - (far_up - far_down) / (4e-3 * unit)) / 3
        worst = max(worst, float(np.abs(found[:, k] - wanted).max() / np.abs(wanted).max()))
    return worst


def _fits() -> list[tuple[str, str, str, str]]:
    whole = imo.combine(
        "tumour_immune",
        imo.load_model("chemotherapy", variant="docetaxel"),
        imo.load_model("pd1_inhibitor", variant="pembrolizumab"),
    )
    trial = imo.load_example()
    docetaxel = imo.Regimen().dose("docetaxel", "75 mg/m2", every="3 weeks", count=6, over="1 hour")
    both = docetaxel + imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
    regimens = {arm: both if "pembrolizumab" in arm.lower() else docetaxel for arm in trial.arms}
    direct = Simulated.derivatives

    def fitted(differences: bool) -> tuple[float, float]:
        if differences:
            Simulated.derivatives = lambda self, v: by_differences(self, self.parameterisation, v, self.observations.subject)
        begin = time.perf_counter()
        result = imo.fit(
            whole,
            trial,
            ["growth_rate", "priming_rate"],
            per_subject=["kill_rate"],
            regimens=regimens,
            threads=1,
            progress=False,
        )
        seconds = time.perf_counter() - begin
        Simulated.derivatives = direct
        return seconds, float(result.lmfit.chisqr)

    fitted(False)
    (plain, one), (slow, other) = fitted(False), fitted(True)
    return [
        ("fit with sensitivities", f"{plain:.2f} s", "1.00 x", f"sum of squares {one:.6g}"),
        ("fit with differences", f"{slow:.2f} s", f"{slow / plain:.2f} x", f"sum of squares {other:.6g}"),
    ]


if __name__ == "__main__":
    main()
