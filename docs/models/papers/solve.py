"""Equations of a paper, written out once more and integrated by SciPy: what a model of the library is held against.

No curve here comes from the library's equations, compiler or solvers. Each `Paper` has the equations as the paper prints them,
with numbers in place, its start, its doses, and which of our outputs its states are. The tests compare
(tests/test_models_published.py), the pages of the models show the curves (make_pages.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import immunoode as imo

FloatArray = NDArray[np.float64]
Rates = Callable[[float, Any], Sequence[float]]
POINTS = 120
LEAST = 1e-9
"""How far below its value at the start, or at a dose, a state is still followed with full digits."""


@dataclass(frozen=True)
class Dose:
    """What happens to the states on a day, and the dose of our model that should do the same."""

    day: float
    into: str
    amount: float | str
    change: Callable[[FloatArray], Any]


@dataclass(frozen=True)
class Paper:
    """Equations of a paper and the case of ours that they are.

    `rates` are integrated from `start` over `days`, with `stops` where they are not smooth; or `solution` gives the values in
    closed form. `states` are our names for the values, in order. `stiff` ones have fast parts. `base` are what a therapy or a
    term is combined with, a variant after a colon; `shown` the states of the figure, all where it is empty.
    """

    model: str
    states: tuple[str, ...]
    days: float
    rates: Rates | None = None
    start: tuple[float, ...] = ()
    solution: Callable[[FloatArray], Sequence[FloatArray]] | None = None
    variant: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    doses: tuple[Dose, ...] = ()
    stops: tuple[float, ...] = ()
    stiff: bool = False
    base: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    label: str = ""
    tolerance: float = 1e-6
    why: str = ""

    @property
    def name(self) -> str:
        """Return what tells this case from others."""
        return "-".join(filter(None, (self.model, self.variant, self.label)))

    def times(self) -> FloatArray:
        """Return times in days: even, and none at which something is given."""
        return (np.arange(POINTS) + 0.5) * self.days / POINTS + 1e-6

    def curves(self, times: FloatArray | None = None) -> dict[str, FloatArray]:
        """Return the values of each of `states` at times."""
        at = self.times() if times is None else times
        found = self.solution(at) if self.solution else self._integrated(at)
        return dict(zip(self.states, found, strict=True))

    def _integrated(self, times: FloatArray) -> FloatArray:
        cuts = sorted({0.0, self.days + 1e-5, *(d.day for d in self.doses), *self.stops})
        y, seen = np.array(self.start, float), []
        for begin, end in zip(cuts[:-1], cuts[1:], strict=True):
            for dose in self.doses:
                if dose.day == begin:
                    y = np.asarray(dose.change(y.copy()), float)
            inside = times[(times > begin) & (times <= end)]
            values = self._span(y, begin, end, np.append(inside, end))
            seen.append(values[:, : len(inside)])
            y = values[:, -1]
        return np.hstack(seen)

    def _span(self, y: FloatArray, begin: float, end: float, times: FloatArray) -> FloatArray:
        from scipy.integrate import solve_ivp

        assert self.rates is not None
        grid = np.unique(times)
        how: dict[str, Any] = {"method": "LSODA" if self.stiff else "DOP853", "rtol": 1e-11 if self.stiff else 1e-12}
        found = solve_ivp(self.rates, (begin, end), y, t_eval=grid, atol=1e-14 * np.abs(y) * LEAST + 1e-25, **how)
        if not found.success:
            raise RuntimeError(f"{self.name}: {found.message}")
        return np.asarray(found.y)[:, np.searchsorted(grid, times)]


def added(index: int, amount: float) -> Callable[[FloatArray], FloatArray]:
    """Return the change of a dose: an amount more in one state."""

    def change(y: FloatArray) -> FloatArray:
        y[index] += amount
        return y

    return change


def case_of(paper: Paper) -> tuple[imo.Model, imo.Regimen | None]:
    """Return the model and the regimen of ours that a case is."""
    model = imo.load_model(paper.model, variant=paper.variant)
    if paper.base:
        others = [imo.load_model(name, variant or None) for name, _, variant in (b.partition(":") for b in paper.base)]
        model = imo.combine(*others, model)
    regimen = imo.Regimen()
    for dose in paper.doses:
        regimen += imo.Regimen().dose(dose.into, dose.amount, start=dose.day)
    return model.with_values(**paper.values), regimen if paper.doses else None
