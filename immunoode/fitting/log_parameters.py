"""lmfit Parameters with exponentials of varied logarithms."""

from __future__ import annotations

from typing import Any

from lmfit import Parameters

LOG = "log_"
"""Prefix of the name of a parameter's logarithm."""


class LogParameters(Parameters):
    """Parameters in which `key` may be the expression exp(log_key), whose standard error follows from one derivative.

    lmfit propagates errors through any expression by differences, each of which evaluates every parameter again: with
    hundreds of subject-specific parameters, that takes longer than the fit.
    """

    def create_uvars(self, covar: Any = None) -> dict[str, Any]:
        """Return a ufloat for every parameter, and set `stderr` of the exponentials; see lmfit."""
        derived = {name: LOG + name for name, p in self.items() if p.expr is not None}
        if covar is None or any(self[name].expr != f"exp({log})" for name, log in derived.items()):
            return super().create_uvars(covar)  # type: ignore[no-any-return]
        from uncertainties import correlated_values, ufloat, umath

        varied = [name for name, p in self.items() if p.vary]
        found = dict(zip(varied, correlated_values([float(self[n].value) for n in varied], covar), strict=True))
        for name, p in self.items():
            if name in derived:
                found[name] = umath.exp(found[derived[name]])
                p.stderr = float(found[name].std_dev)
            elif name not in found:
                found[name] = ufloat(p.value, p.stderr or 0.0)
        return found
