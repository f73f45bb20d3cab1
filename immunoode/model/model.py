"""`Model`: the tables of a model, with methods that change values and display it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from immunoode.errors import ModelError, Problem, nearest
from immunoode.model.components import STRUCTURE_KEY, ModelTables, Parameter
from immunoode.model.display import html, summary
from immunoode.model.values import checked_values, warn_out_of_bounds
from immunoode.notebook import shown


@dataclass(frozen=True)
@shown
class Model(ModelTables):
    """Compartments, parameters, derived quantities, flows, modifiers, inputs and pulses under one name.

    A model read from a file has local names; `immunoode.combine` adds the name of the instance to those of therapies and
    terms. Every mapping keeps the order of its file. `instance` is the name in a combination, if it is not that of the file
    ("pembrolizumab"); `instances` has the names of variants that are not named like the variant ("nivolumab" for
    "nivolumab_with_ipilimumab").

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_model("tumour_immune").kind
    'base'
    """

    def with_values(self, **values: float) -> Model:
        """Return the model with other values of parameters or covariates.

        Raises
        ------
        ModelError
            If a name is not a parameter of the model, or a value is not a finite number.

        Warns
        -----
        OutOfBoundsWarning
            If a value is outside its parameter's bounds.
        """
        checked = checked_values(self, values)
        warn_out_of_bounds(self.name, self.constants, checked)

        def changed(table: Mapping[str, Parameter]) -> dict[str, Parameter]:
            return {k: replace(p, value=checked[k]) if k in checked else p for k, p in table.items()}

        made = replace(self, covariates=changed(self.covariates), parameters=changed(self.parameters))
        if STRUCTURE_KEY in vars(self):
            vars(made)[STRUCTURE_KEY] = vars(self)[STRUCTURE_KEY]
        return made

    def reference_patient(self, name: str) -> dict[str, float]:
        """Return the covariates of a published analysis's reference patient, as `parameters` of a simulation.

        Parameters
        ----------
        name : str
            One of `reference_patients`, which are named by their analysis: "bajaj2017".

        Returns
        -------
        dict of str to float
            Values of the constants of this model, in their units; values that the model does not have are left out.

        Raises
        ------
        ModelError
            If the model has no such reference patient.

        Examples
        --------
        >>> import immunoode as imo
        >>> model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="nivolumab"))
        >>> model.reference_patient("bajaj2017")
        {'weight': 80.0, 'glomerular_filtration': 90.0, 'female': 1.0, 'impaired_performance': 0.0, 'asian': 0.0}
        """
        if name not in self.reference_patients:
            right = nearest(name, self.reference_patients)
            raise ModelError(Problem(self.name, f"has no reference patient {name!r}", right))
        found = self.reference_patients[name].covariates
        return {key: value for key, value in found.items() if key in self.constants}

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields without derived attributes, which a copy derives again when needed."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _repr_html_(self) -> str:
        return html(self)

    def __str__(self) -> str:
        return summary(self)
