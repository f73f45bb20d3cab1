"""Error against time for relative tolerances from 1e-3 to 1e-10: immunoode and other tools, both problems, one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from peers import Entry, collect
from tools import figures
from tools.accuracy import error, reference
from tools.problem import Problem, pembrolizumab_binding, reference_problem
from tools.results import milliseconds, show, writing
from tools.timing import one_processor, times

TOLERANCES = tuple(10.0**-k for k in range(3, 11))
COMPILED_FOR_EACH = {"diffrax": (1e-4, 1e-6, 1e-8, 1e-10)}
"""Tools that compile anew for each tolerance get fewer."""
GOALS = (1e-4, 1e-6, 1e-8)
PROBLEMS: dict[str, tuple[Callable[..., Problem], float, tuple[str, ...]]] = {
    "reference problem": (reference_problem, 1e-2, ("ours", "c", "pydiffsol", "diffrax", "roadrunner", "casadi", "scipy")),
    "stiff problem": (pembrolizumab_binding, 1e-4, ("ours", "pydiffsol", "roadrunner", "casadi", "scipy")),
}
"""Each with its absolute tolerance over the relative one, and the tools."""
LEFT_OUT = {"reference problem": ("1 patient per call",), "stiff problem": ("1 patient per call", "tsit45")}
FILE = "work_precision.png"
TEXT = """Both problems at relative tolerances from 1e-3 to 1e-10 (absolute ones a hundredth of that for the reference problem,
a ten thousandth for the stiff one); a point is one tolerance. The table has the milliseconds per patient-year at which a tool
reaches an error, between its points on logarithmic axes; a dash where it does not get there."""

Points = dict[str, list[tuple[float, float]]]
"""Of each tool the pairs of seconds and error, from loose to tight."""


def main() -> None:
    """Print the table, draw the figure."""
    one_processor()
    found = {name: _points(name, *what) for name, what in PROBLEMS.items()}
    rows = [(name, tool, *(_reached(points, goal) for goal in GOALS)) for name in found for tool, points in found[name].items()]
    if writing():
        _draw(found)
    columns = ("problem", "tool", *(f"ms to {goal:.0e}" for goal in GOALS))
    show(
        "work_precision",
        "Work and precision",
        TEXT,
        columns,
        rows,
        figures=[(FILE, "Error against milliseconds per patient-year for each tool, both problems")],
    )


def _points(name: str, make: Callable[..., Problem], share: float, modules: Sequence[str]) -> Points:
    exact = reference(make())
    points: Points = {}
    for rtol in TOLERANCES:
        problem = make(rtol, share * rtol)
        wanted = [m for m in modules if rtol in COMPILED_FOR_EACH.get(m, TOLERANCES)]
        entries = [e for e in collect(problem, wanted) if not any(part in e.name for part in LEFT_OUT[name])]
        kept = [(e, wrong) for e in entries if (wrong := _error(e, exact, rtol)) is not None]
        for (entry, wrong), seconds in zip(kept, times([e for e, _ in kept], rounds=8), strict=True):
            points.setdefault(entry.name, []).append((seconds, wrong))
    return points


def _error(entry: Entry, exact: np.ndarray, rtol: float) -> float | None:
    """Return the error of an entry; None, with a line, where it gives up at this tolerance."""
    try:
        wrong = error(entry.run(), exact)
    except (RuntimeError, ValueError) as failure:
        print(f"{entry.name}: gives up at {rtol:.0e} ({str(failure).splitlines()[0][:80]})")
        return None
    return wrong if np.isfinite(wrong) else None


def _reached(points: Sequence[tuple[float, float]], goal: float) -> str:
    """Return the milliseconds at which an error is reached, by interpolation of logarithms."""
    seconds, errors = np.log(np.array(points)).T
    best = np.minimum.accumulate(errors)
    if best[-1] > np.log(goal):
        return "-"
    first = int(np.argmax(best <= np.log(goal)))
    if first == 0:
        return f"< {milliseconds(np.exp(seconds[0]))}"
    share = (np.log(goal) - best[first - 1]) / (best[first] - best[first - 1])
    return milliseconds(float(np.exp(seconds[first - 1] + share * (seconds[first] - seconds[first - 1]))))


def _draw(found: dict[str, Points]) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(found), figsize=(12, 5.2), layout="constrained", sharey=True)
    lines = {}
    for axes, (name, points) in zip(panels, found.items(), strict=True):
        for tool, pairs in points.items():
            dashes, marker = _style(tool)
            seconds, errors = np.array(pairs).T
            lines[tool] = axes.loglog(1e3 * seconds, errors, dashes, marker=marker, color=figures.colour(tool), ms=5)[0]
        axes.set(title=name, xlabel="milliseconds per patient-year, one thread")
        axes.grid(alpha=0.3)
        figures.plain(axes)
    panels[0].set_ylabel("largest error, relative to each state's largest value")
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=4, fontsize=9)
    figures.save(figure, FILE)


def _style(tool: str) -> tuple[str, str]:
    """Return dashes and marker: implicit methods of a tool are dashed or dotted."""
    if "bdf" in tool:
        return "--", "s"
    if "esdirk" in tool:
        return ":", "^"
    return "-", "o"


if __name__ == "__main__":
    main()
