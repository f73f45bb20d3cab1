"""`ResidualError`: the residual error model of a fit as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from immunoode.errors import FitError, Problem


@dataclass(frozen=True)
class ResidualError:
    """The residual error model of a fit, for `error=` of `immunoode.fit`.

    Attributes
    ----------
    kind : {"proportional", "additive", "combined", "lognormal"}, the name of a registered one, or mapping by quantity
        See `immunoode.fitting.likelihood`; to register another, see `immunoode.fitting.register_error`.
    student : float or mapping by quantity, optional
        Degrees of freedom of Student's t errors, for data with outliers (4, say); None: normal errors.
    pool : bool
        Whether all quantities share one error scale, if each has few observations (only for errors of the same relative
        kind).

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.ResidualError("combined", student=4)
    ResidualError(kind='combined', student=4, pool=False)
    """

    kind: str | Mapping[str, str] = "proportional"
    student: float | Mapping[str, float] | None = None
    pool: bool = False


Error = str | Mapping[str, str] | ResidualError
"""The accepted values of `error=`."""


def residual_error(error: Error, student: float | Mapping[str, float] | None = None, pool: bool = False) -> ResidualError:
    """Return the residual error model that the arguments `error`, `student` and `pool` state.

    Raises
    ------
    FitError
        If `student` or `pool` is given together with a `ResidualError`, which contains them.
    """
    if not isinstance(error, ResidualError):
        return ResidualError(error, student, pool)
    stated = [name for name, given in (("student", student is not None), ("pool", pool)) if given]
    twice = [
        Problem(n, "is given together with error=ResidualError(...)", f"error=ResidualError(..., {n}=...)") for n in stated
    ]
    FitError.raise_if(twice)
    return error


def normal_error(error: Error) -> str | Mapping[str, str]:
    """Return the kinds of a residual error model where only normal errors with one scale per quantity are supported.

    Raises
    ------
    FitError
        If it states more.
    """
    if not isinstance(error, ResidualError):
        return error
    stated = [name for name, given in (("student", error.student is not None), ("pool", error.pool)) if given]
    FitError.raise_if(Problem(f"error.{n}", "is supported by imo.fit only", "leave it out") for n in stated)
    return error.kind
