"""`ResidualError`: how observations scatter about predictions, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from immunoode.errors import FitError, Problem


@dataclass(frozen=True)
class ResidualError:
    """The residual error model of a fit, for `error=` of `immunoode.fit`.

    Attributes
    ----------
    kind : {"proportional", "additive", "combined", "lognormal"}, the name of an own one, or mapping by quantity
        See `immunoode.fitting.likelihood`; own ones: `immunoode.fitting.register_error`.
    student : float or mapping by quantity, optional
        Degrees of freedom of Student's t errors, for data with outliers (4, say); None: normal errors.
    pool : bool
        One size of errors for all quantities, where each has few observations (errors of the same relative kind only).

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
"""What `error=` takes."""


def residual_error(error: Error, student: float | Mapping[str, float] | None = None, pool: bool = False) -> ResidualError:
    """Return the residual error model that the arguments `error`, `student` and `pool` state.

    Raises
    ------
    FitError
        If `student` or `pool` is stated beside a `ResidualError`, which has its own.
    """
    if not isinstance(error, ResidualError):
        return ResidualError(error, student, pool)
    stated = [name for name, given in (("student", student is not None), ("pool", pool)) if given]
    twice = [Problem(n, "is stated beside error=ResidualError(...)", f"error=ResidualError(..., {n}=...)") for n in stated]
    if twice:
        raise FitError(twice)
    return error


def normal_error(error: Error) -> str | Mapping[str, str]:
    """Return the kinds of a residual error model, where only normal errors with a size per quantity are known.

    Raises
    ------
    FitError
        If it states more.
    """
    if not isinstance(error, ResidualError):
        return error
    stated = [name for name, given in (("student", error.student is not None), ("pool", error.pool)) if given]
    if stated:
        raise FitError([Problem(f"error.{n}", "is known to imo.fit alone", "leave it out") for n in stated])
    return error.kind
