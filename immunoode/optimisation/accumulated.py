"""Areas under outputs as compartments: exact and smooth in the times of doses, unlike sums over output times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from immunoode import units
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.components import Compartment, Flow
from immunoode.optimisation.endpoints import Endpoint


def with_areas(model: ClosedModel, endpoints: Iterable[Endpoint]) -> ClosedModel:
    """Return the model with one compartment per output whose area is requested."""
    wanted = {e.accumulated: e.output for e in endpoints if e.accumulated and e.output in model.output_units}
    if not wanted:
        return model
    compartments, flows = dict(model.model.compartments), dict(model.model.flows)
    for name, output in wanted.items():
        compartments[name] = Compartment(units.times_day(model.output_units[output]))
        flows[name] = Flow(target=name, rate=output)
    return resolve(replace(model.model, compartments=compartments, flows=flows))
