"""`compare`: simulation of several regimens or parameter sets of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from immunoode.errors import Problem, SolveError, renamed
from immunoode.model.closed_model import resolve
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.model.roles import compartments_with_role
from immunoode.notebook import shown, without_mathematics
from immunoode.regimen.regimen import Regimen
from immunoode.scenario.summary import Progression, progression_rule, summarise
from immunoode.solve.simulate import simulate
from immunoode.solve.simulation import Simulation

if TYPE_CHECKING:
    import pandas as pd

Scenario = Regimen | None | tuple[Regimen | None, Mapping[str, float]]


@dataclass(frozen=True)
@shown
class Comparison:
    """Scenarios of one model.

    Attributes
    ----------
    simulations : mapping of str to Simulation
        By label, in the order given.
    regimens : mapping of str to Regimen or None
    measure : str
        The output that is used as tumour size.
    """

    model: Model
    simulations: Mapping[str, Simulation]
    regimens: Mapping[str, Regimen | None]
    measure: str

    def outcome_table(self) -> pd.DataFrame:
        """Return one row per scenario: baseline, nadir (value, day, percent), final size, day of progression.

        Of a cohort, these are the statistics of the median over the patients at each time.

        `progression_day` follows the rule for the unit of the size, see `progression`. It is missing (NA) if progression is not
        reached, or if the unit has no rule.
        """
        import pandas as pd

        rows = {
            label: asdict(summarise(s.times, _middle(s[self.measure]), s.units[self.measure]))
            for label, s in self.simulations.items()
        }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame["progression_day"] = frame["progression_day"].astype("Float64")
        frame.index.name = "scenario"
        return frame

    table = renamed("table", "outcome_table")

    @property
    def progression(self) -> Progression | None:
        """The rule of progression: RECIST for diameters, doubling for volumes, None for numbers of cells."""
        return progression_rule(next(iter(self.simulations.values())).units[self.measure])

    def to_frame(self) -> pd.DataFrame:
        """Return all time courses in one table: scenario, time, and one column per output."""
        import pandas as pd

        parts = {
            label: s.to_frame().drop(columns="subject" if len(s.subjects) == 1 else []) for label, s in self.simulations.items()
        }
        return pd.concat(parts, names=["scenario"]).reset_index(level=0).reset_index(drop=True)

    def plot(self, **options: Any) -> Any:
        """Draw the scenarios above their dosing calendars; see `immunoode.plot.scenario.plot_comparison`."""
        from immunoode.plot.scenario import plot_comparison

        return plot_comparison(self, **options)

    def report(self) -> str:
        """Return the table as text."""
        return str(self)

    def __str__(self) -> str:
        head = f"{len(self.simulations)} scenarios of {self.model.name}, {words_of(self)}"
        return f"{head}\n{self._shown().to_string(na_rep='not reached')}\n{self._rule()}"

    @without_mathematics
    def _repr_html_(self) -> str:
        table: str = self._shown().to_html(na_rep="not reached")
        return f"<p>{escape(words_of(self))}</p>{table}<p>{escape(self._rule())}</p>"

    def _shown(self) -> pd.DataFrame:
        """Return the table for display: numbers with four digits, and the day of progression under the name in its rule."""
        table, rule = self.outcome_table(), self.progression
        for name in table.columns.difference(["nadir_day", "progression_day"]):
            table[name] = [f"{value:.4g}" for value in table[name]]
        table["nadir_day"] = table["nadir_day"].round(1)
        if rule is None:
            return table.drop(columns="progression_day")
        table["progression_day"] = table["progression_day"].round(1)
        return table.rename(columns={"progression_day": f"{rule.event}_day"})

    def _rule(self) -> str:
        rule = self.progression
        return (
            f"rule of {rule.event}: {rule.words}"
            if rule
            else "no day of progression, because this size has no rule of progression"
        )


def _middle(values: Any) -> Any:
    """Return a curve, or the median of many at each time."""
    import numpy as np

    return values if np.ndim(values) == 1 else np.nanmedian(values, axis=0)


def words_of(comparison: Comparison) -> str:
    """Return the name of the compared output with its unit."""
    unit = next(iter(comparison.simulations.values())).units[comparison.measure]
    return comparison.measure + (f" ({unit})" if unit not in ("", "1") else "")


def compare(
    model: Model | str,
    scenarios: Mapping[str, Scenario],
    until: str | float = "1 year",
    *,
    measure: str | None = None,
    parameters: Mapping[str, float] | pd.DataFrame | None = None,
    **options: Any,
) -> Comparison:
    """Simulate several scenarios of one model.

    Parameters
    ----------
    model : Model or str
    scenarios : mapping
        Label to a Regimen, None (untreated), or a pair of one of these and a mapping of parameter values.
    until : str or float
        End of the simulation.
    measure : str, optional
        The output that is used as tumour size. Default: `sum_of_diameters` if the model has it, otherwise its first tumour
        compartment.
    parameters : mapping or DataFrame, optional
        Values for all scenarios; a table with one row per patient simulates a cohort, and figures show medians and bands.
    **options
        As for `immunoode.simulate`.

    Returns
    -------
    Comparison

    Raises
    ------
    SolveError, ModelError, RegimenError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.compare("tumour_immune", {"untreated": None, "slow": (None, {"growth_rate": 0.002})}).outcome_table().shape
    (2, 7)
    """
    model = load_model(model) if isinstance(model, str) else model
    if not isinstance(scenarios, Mapping) or not scenarios:
        raise SolveError(Problem("compare", "has no scenarios", "a mapping such as {'untreated': None, 'treated': regimen}"))
    size = measure or default_measure(model)
    simulations, regimens = {}, dict[str, Regimen | None]()
    for label, scenario in scenarios.items():
        regimen, values = _parts(str(label), scenario)
        regimens[str(label)] = regimen
        simulations[str(label)] = simulate(model, regimen, until, parameters=_values(parameters, values), **options)
    first = next(iter(simulations.values()))
    first[size]  # raises with the known outputs
    return Comparison(first.model, simulations, regimens, size)


def _values(parameters: Mapping[str, float] | pd.DataFrame | None, own: Mapping[str, float]) -> Any:
    """Return the values for all scenarios, with those of one of them."""
    if parameters is None or isinstance(parameters, Mapping):
        return {**(parameters or {}), **own}
    return parameters.assign(**own)


def _parts(label: str, scenario: Scenario) -> tuple[Regimen | None, Mapping[str, float]]:
    if not isinstance(scenario, tuple):
        return scenario, {}
    if len(scenario) != 2 or not isinstance(scenario[1], Mapping):
        right = "a Regimen, None, or (Regimen, {'growth_rate': 0.01})"
        raise SolveError(Problem(f"scenario {label!r}", "is not a pair", right))
    return scenario


def default_measure(model: Model) -> str:
    """Return the output that is used as tumour size: the sum of diameters, otherwise the first tumour compartment.

    Raises
    ------
    SolveError
        If the model has neither.
    """
    whole = resolve(model).model
    if "sum_of_diameters" in whole.derived:
        return "sum_of_diameters"
    tumours = compartments_with_role(whole, "tumour")
    if not tumours:
        raise SolveError(Problem(model.name, "has no tumour compartment", "measure=, one of the outputs of the model"))
    return tumours[0]
