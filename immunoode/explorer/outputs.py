"""Which outputs of a model have a panel at first: tumour size, immune cells and drugs."""

from __future__ import annotations

from immunoode import units
from immunoode.model.closed_model import ClosedModel
from immunoode.model.roles import compartments_with_role

SIZE, IMMUNE, DRUG, OTHER = "size", "immune", "drug", "other"
_MOST_IMMUNE, _MOST_DRUGS = 4, 3
_CONCENTRATIONS = ("mg/L", "mol/L", "IU/L", "cell/L")


def kind_of_output(model: ClosedModel, name: str, measure: str) -> str:
    """Return what an output is: "size", "immune", "drug" or "other"."""
    if name == measure:
        return SIZE
    if name in immune_states(model):
        return IMMUNE
    return DRUG if name in drug_outputs(model) else OTHER


def default_panels(model: ClosedModel, measure: str) -> tuple[str, ...]:
    """Return the outputs that have a panel at first."""
    return (measure, *immune_states(model)[:_MOST_IMMUNE], *drug_outputs(model)[:_MOST_DRUGS])


def immune_states(model: ClosedModel) -> tuple[str, ...]:
    """Return the compartments of immune cells: effectors first."""
    effectors = compartments_with_role(model.model, "effector")
    return tuple(dict.fromkeys([*effectors, *compartments_with_role(model.model, "lymphocyte")]))


def drug_outputs(model: ClosedModel) -> tuple[str, ...]:
    """Return the concentrations of drugs, and the dosed drug compartments if there is no concentration."""
    concentrations = [n for n, d in model.model.derived.items() if "concentration" in n and _is_concentration(d.unit)]
    owners = {model.model.derived[n].owner for n in concentrations}
    into = {given.into for given in model.model.inputs.values()}
    parts = model.model.compartments
    amounts = [n for n in compartments_with_role(model.model, "drug") if parts[n].owner not in owners and n in into]
    return (*concentrations, *amounts)


def _is_concentration(unit: str) -> bool:
    return any(units.dimension(unit) == units.dimension(known) for known in _CONCENTRATIONS)


def title_of(model: ClosedModel, name: str) -> str:
    """Return the description of an output in the model; "" if there is none."""
    for table in (model.model.compartments, model.model.derived, model.model.modifiables):
        if name in table:
            return str(table[name].title)
    return ""
