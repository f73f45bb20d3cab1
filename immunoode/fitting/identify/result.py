"""`Identifiability`: expected standard errors, collinearity, and the next best samples of a study design."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import renamed
from immunoode.fitting.identify.information import PlannedErrors, Size, fisher_information
from immunoode.fitting.identify.planned import at_times, with_outputs
from immunoode.fitting.observations import FloatArray, Observations
from immunoode.fitting.parameterisation import Parameterisation
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics

if TYPE_CHECKING:
    from lmfit import Parameters
    from pandas import DataFrame

    from immunoode.fitting.prediction import Predictor

DETERMINED, POOR = 0.5, 1.0
"""Relative standard errors up to which a parameter counts as determined, and as poorly determined."""
NEVER = 100.0
"""Relative standard error above which a parameter counts as unknown."""
COLLINEAR = 20.0
"""Collinearity index above which parameters cannot be distinguished (the rule of thumb of the package FME)."""
NOTHING = 1e-9
"""Eigenvalues of the information below this fraction of the largest count as zero, because they are numerical errors."""
_WEAK = 0.01
"""Information added to every parameter, so that samples can be ranked even if some have none: a standard deviation of 10."""


@dataclass(frozen=True, eq=False)
@shown
class Identifiability:
    """The parameters that a study design can determine.

    Attributes
    ----------
    names : of the p parameters, as the fit would name them (natural scale)
    units, values : (p,)
    logged : (p,) whether each is fitted as its logarithm
    sizes : names of the error sizes, which are estimated as well
    information : (p + q, p + q) Fisher information on the fitted scale, error sizes last
    sensitivity : (N, p) derivatives of predictions divided by the standard deviations of errors
    """

    model: Model
    observations: Observations
    parameterisation: Parameterisation
    predictor: Predictor
    errors: PlannedErrors
    parameters: Parameters
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: FloatArray
    logged: FloatArray
    sizes: tuple[str, ...]
    information: FloatArray
    sensitivity: FloatArray

    @cached_property
    def covariance(self) -> FloatArray:
        """(p, p) the Cramer-Rao bound of the covariance; infinite on the diagonal for undetermined parameters."""
        return _covariance(self.information)[: len(self.names), : len(self.names)]

    @property
    def standard_errors(self) -> FloatArray:
        """(p,) relative standard errors; for log-transformed parameters, the standard error of the logarithm."""
        return self._relative(np.sqrt(np.diag(self.covariance)))

    def _relative(self, sd: FloatArray) -> FloatArray:
        """Return standard errors relative to values; infinite above a hundredfold."""
        relative = np.where(self.logged, sd, sd / np.where(self.values == 0, 1.0, np.abs(self.values)))
        return np.where(relative > NEVER, np.inf, relative)

    @property
    def ok(self) -> bool:
        """Whether every parameter is determined."""
        return not self.warnings()

    def to_frame(self) -> DataFrame:
        """Return one row per parameter: value, unit, expected relative error (%), the same given the others, verdict."""
        import pandas as pd

        alone = self._relative(1.0 / np.sqrt(np.maximum(np.diag(self.information)[: len(self.names)], 1e-300)))
        rse = self.standard_errors
        return pd.DataFrame(
            {
                "value": self.values,
                "unit": self.units,
                "rse_percent": 100 * rse,
                "rse_percent_if_alone": 100 * alone,
                "verdict": [_verdict(r, a) for r, a in zip(rse, alone, strict=True)],
            },
            index=pd.Index(self.names, name="parameter"),
        )

    table = renamed("table", "to_frame")

    def collinearity(self, most: int = 4) -> DataFrame:
        """Return the collinearity index of every set of up to `most` parameters, and of all; worst first.

        It is 1 if their effects are independent, and infinite if one effect is a combination of the others; above 20, the
        parameters of the set cannot be distinguished.
        """
        import pandas as pd

        size = np.linalg.norm(self.sensitivity, axis=0)
        normed = self.sensitivity / np.where(size > 0, size, 1.0)
        count = len(self.names)
        sets = [c for k in range(2, min(most, count) + 1) for c in combinations(range(count), k)]
        sets = sets[:20_000] + ([tuple(range(count))] if count > most else [])
        index = [_index(normed[:, c], size[list(c)]) for c in sets]
        named = [", ".join(self.names[i] for i in c) for c in sets]
        table = pd.DataFrame({"parameters": named, "size": [len(c) for c in sets], "index": index})
        return table.sort_values("index", ascending=False, ignore_index=True)

    def confounded(self) -> DataFrame:
        """Return the combinations of parameters that the design does not determine, with their standard errors."""
        import pandas as pd

        p = len(self.names)
        own = _reduced(self.information, p)
        values, vectors = np.linalg.eigh(own)
        rows = []
        for value, vector in zip(values, vectors.T, strict=True):
            sd = np.inf if value <= NOTHING * max(values[-1], 0.0) else float(1 / np.sqrt(value))
            if sd <= DETERMINED:
                continue
            strong = np.flatnonzero(np.abs(vector) > 0.2 * np.abs(vector).max())
            strong = strong[np.argsort(-np.abs(vector[strong]))]
            sign = np.sign(vector[strong[0]])
            moves = {self.names[i]: float(sign * vector[i]) for i in strong}
            rows.append(
                {
                    "combination": " ".join(f"{m:+.2f} {_scaled(n, self)}" for n, m in moves.items()),
                    "standard_error": sd,
                    "parameters": ", ".join(moves),
                }
            )
        return pd.DataFrame(rows, columns=["combination", "standard_error", "parameters"])

    def next_samples(
        self,
        times: Iterable[float] | None = None,
        observe: str | Iterable[str] | None = None,
        *,
        error: str | Mapping[str, str] = "proportional",
        size: Size | Mapping[str, Size] = 0.2,
    ) -> DataFrame:
        """Return further samples, best first: one more per subject of an arm, of one output on one day.

        Parameters
        ----------
        times : days; by default 40 from the start to half beyond the last
        observe : outputs of the model, also ones that the design does not observe; by default those that it observes
        error, size : those of outputs that the design does not observe, as in `identifiability`; taken as known

        Returns
        -------
        DataFrame
            arm, time, quantity, gain (of the logarithm of the determinant of the information: D-optimality), `worst` (the
            parameter that is then least well determined) and its relative standard error (%).
        """
        import pandas as pd

        seen = self.observations
        last = float(seen.time.max())
        days = (
            np.linspace(seen.start.min(), last + 0.5 * (last - seen.start.min()), 41)[1:]
            if times is None
            else units.times(times)
        )
        outputs = [observe] if isinstance(observe, str) else list(observe or seen.quantities)
        seen, errors = with_outputs(self.model, seen, self.errors, outputs, error, size)
        every = [(d, seen.quantities.index(o)) for o in outputs for d in days]
        more = at_times(seen, np.array([d for d, _ in every]), np.array([q for _, q in every]))
        kept = slice(len(self.information))  # without the sizes of errors of further outputs
        parts = fisher_information(self.predictor, self.parameterisation, self.parameters, more, errors).information[
            :, kept, kept
        ]
        weak = _WEAK * np.eye(len(self.information))
        base = np.linalg.slogdet(self.information + weak)[1]
        arms = np.array(seen.arms, dtype=object)[more.subject]
        measured = np.array(seen.quantities, dtype=object)[more.quantity]
        keys = pd.DataFrame({"arm": arms, "time": more.time, "quantity": measured})
        rows = []
        for key, places in keys.groupby(["arm", "time", "quantity"], sort=False).indices.items():
            total = self.information + parts[places].sum(axis=0)
            rse = self._relative(np.sqrt(np.diag(_covariance(total))[: len(self.names)]))
            worst = int(np.argmax(rse))
            rows.append(
                {
                    **dict(zip(("arm", "time", "quantity"), key, strict=True)),
                    "gain": float(np.linalg.slogdet(total + weak)[1] - base),
                    "worst": self.names[worst],
                    "worst_rse_percent": float(100 * rse[worst]),
                }
            )
        return pd.DataFrame(rows).sort_values("gain", ascending=False, ignore_index=True)

    def warnings(self) -> tuple[str, ...]:
        """Return warnings about everything that the design does not determine."""
        lines = []
        for name, rse, alone in zip(self.names, self.standard_errors, self._alone, strict=True):
            if rse > DETERMINED:
                how = "not at all" if not np.isfinite(rse) else f"only to {100 * rse:.0f} %"
                why = (
                    "the data would depend on it too little"
                    if alone > DETERMINED
                    else ("other parameters can compensate for it")
                )
                lines.append(f"{name} would be determined {how}: {why}")
        for row in self.confounded().itertuples():
            if row.parameters.count(",") and (row.standard_error > POOR or not np.isfinite(row.standard_error)):
                lines.append(f"{row.parameters} cannot be distinguished: {row.combination} is not determined")
        return tuple(lines)

    @property
    def _alone(self) -> FloatArray:
        return self.to_frame()["rse_percent_if_alone"].to_numpy() / 100

    def report(self) -> str:
        """Return the report: tables and warnings."""
        seen = self.observations
        lines = [
            f"Model {self.model.name}: {len(seen)} observations of {len(seen.subjects)} subjects in "
            f"{len(set(seen.arms))} arms, {len(self.names)} parameters",
            "",
            self.to_frame().to_string(float_format=lambda x: f"{x:.4g}"),
            "",
        ]
        if len(self.names) > 1:
            worst = self.collinearity().iloc[0]
            apart = "cannot be distinguished" if worst["index"] > COLLINEAR else "can be distinguished"
            lines += [f"Largest collinearity index {worst['index']:.3g} ({worst['parameters']}): they {apart}.", ""]
        found = self.warnings()
        if not found:
            return "\n".join([*lines, "The design determines all parameters."])
        return "\n".join([*lines, "Warnings:", *[f"  - {line}" for line in found]])

    def plot(self, **how: Any) -> FloatArray:
        """Draw expected errors and correlations; see `immunoode.plot.identifiability.plot_identifiability`."""
        from immunoode.plot.identifiability import plot_identifiability

        return plot_identifiability(self, **how)

    def plot_next_samples(self, **how: Any) -> Any:
        """Draw the gain by a further sample over time; see `immunoode.plot.identifiability.plot_next_samples`."""
        from immunoode.plot.identifiability import plot_next_samples

        return plot_next_samples(self, **how)

    def __str__(self) -> str:
        return self.report()

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        found = "".join(f"<li>{escape(line)}</li>" for line in self.warnings())
        return self.to_frame().to_html(float_format=lambda x: f"{x:.4g}") + (
            f"<p>Warnings:</p><ul>{found}</ul>" if found else ""
        )


def _verdict(rse: float, alone: float) -> str:
    if rse <= DETERMINED:
        return "determined"
    if rse <= POOR:
        return "poorly determined"
    return "not determined" + (": no effect on what is observed" if alone > POOR else "")


def _scaled(name: str, found: Identifiability) -> str:
    return f"log {name}" if found.logged[found.names.index(name)] else name


def _index(columns: FloatArray, size: FloatArray) -> float:
    if (size == 0).any():
        return np.inf
    least = float(np.linalg.eigvalsh(columns.T @ columns)[0])
    return float(1 / np.sqrt(least)) if least > NOTHING else np.inf


def _covariance(matrix: FloatArray) -> FloatArray:
    """Return the inverse of an information matrix; infinite on the diagonal of undetermined parameters."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(safe, safe))
    open_ = values <= NOTHING
    inverse = (vectors * np.where(open_, 0.0, 1.0 / np.where(open_, 1.0, values))) @ vectors.T / np.outer(safe, safe)
    lost = (np.abs(vectors[:, open_]) > 1e-3).any(axis=1)
    inverse[np.diag_indices(len(inverse))] = np.where(lost | (scale == 0), np.inf, np.diag(inverse))
    return np.asarray(inverse)


def _reduced(matrix: FloatArray, p: int) -> FloatArray:
    """Return the information of the first p parameters when the others are estimated too (Schur complement)."""
    a, b, c = matrix[:p, :p], matrix[:p, p:], matrix[p:, p:]
    return np.asarray(a - b @ np.linalg.pinv(c) @ b.T)
