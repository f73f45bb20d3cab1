"""The state of an explorer: the values of its sliders, the rows of its regimens and its options, as one frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from immunoode.errors import Problem, RegimenError

_TEXTS = ("therapy", "amount", "unit", "start", "every", "count", "over")


@dataclass(frozen=True)
class DoseRow:
    """One row of a regimen, as it is typed.

    Attributes
    ----------
    therapy : str
        The name of an input of the model.
    amount, unit : str
        "200" and "mg"; "2" and "mg/kg".
    start, every, over : str
        "3 weeks", "30 min", or a number of days; "" if there is none.
    count : str
        Number of doses, or of cycles if `options` has `days`.
    options : mapping
        Further arguments of `Regimen.dose`: weekdays, days, loading, steady_state.

    Examples
    --------
    >>> DoseRow("pembrolizumab", "200", "mg", every="3 weeks", count="9").amount_text
    '200 mg'
    """

    therapy: str
    amount: str
    unit: str = ""
    start: str = ""
    every: str = ""
    count: str = ""
    over: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def amount_text(self) -> str:
        """The amount with its unit."""
        return f"{self.amount} {self.unit}".strip()


@dataclass(frozen=True)
class EditedRegimen:
    """A regimen by name, and its rows; without rows, the patient is not treated.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.explorer.EditedRegimen("untreated").rows
    ()
    """

    name: str
    rows: tuple[DoseRow, ...] = ()


@dataclass(frozen=True)
class ExplorerState:
    """The choices of a user in an explorer.

    Attributes
    ----------
    parameters : mapping of str to float
        The value of each slider, in the unit of the model.
    regimens : tuple of EditedRegimen
    until : str
        The end of the simulation: "1 year", or a number of days.
    outputs : tuple of str
        The outputs of the model that have a panel, the measure of tumour size first.

    Examples
    --------
    >>> state = ExplorerState({"growth_rate": 0.006}, (EditedRegimen("untreated"),), "1 year", ("sum_of_diameters",))
    >>> ExplorerState.from_json(state.to_json()) == state
    True
    """

    parameters: Mapping[str, float]
    regimens: tuple[EditedRegimen, ...]
    until: str
    outputs: tuple[str, ...]

    def with_value(self, name: str, value: float) -> ExplorerState:
        """Return the state with another value of a slider."""
        return replace(self, parameters={**self.parameters, name: value})

    def to_json(self) -> dict[str, Any]:
        """Return the state as values of JSON."""
        return {**asdict(self), "parameters": dict(self.parameters)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> ExplorerState:
        """Return the state that `to_json` made.

        Raises
        ------
        RegimenError
            If the values have another form.
        """
        try:
            regimens = tuple(EditedRegimen(str(r["name"]), tuple(map(_row, r["rows"]))) for r in given["regimens"])
            return cls(dict(given["parameters"]), regimens, str(given["until"]), tuple(map(str, given["outputs"])))
        except (KeyError, TypeError, ValueError) as error:
            what = f"cannot be read ({type(error).__name__}: {error})"
            raise RegimenError(Problem("state", what, "the values that ExplorerState.to_json() returns")) from None


def _row(given: Mapping[str, Any]) -> DoseRow:
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in dict(given.get("options") or {}).items()}
    return DoseRow(**{name: str(given.get(name, "")) for name in _TEXTS}, options=options)
