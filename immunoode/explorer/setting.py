"""What an explorer was opened with, which no slider changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from immunoode import units
from immunoode.explorer.patients import ExplorerPatients
from immunoode.explorer.sliders import Slider, slider_of
from immunoode.model.closed_model import ClosedModel


@dataclass(frozen=True)
class Setting:
    """What an explorer was opened with.

    Attributes
    ----------
    model : ClosedModel
    model_code : str
        A Python expression that reproduces the model; "" if there is none.
    measure : str
        The output that is tumour size.
    values : mapping of str to float
        Values that differ from those of the model.
    patients : ExplorerPatients or None
    visits : str or float
        The interval between tumour assessments.
    """

    model: ClosedModel
    model_code: str
    measure: str
    values: Mapping[str, float]
    patients: ExplorerPatients | None
    visits: str | float

    def slider(self, name: str) -> Slider:
        """Return the slider of a parameter as it stands at first."""
        constant = self.model.constants[name]
        return slider_of(name, constant, float(self.values.get(name, constant.value)))

    @property
    def measures_diameters(self) -> bool:
        """Whether tumour size is a length, so that RECIST 1.1 applies."""
        return units.dimension(self.model.output_units[self.measure]) == units.dimension("mm")

    @property
    def to_millimetres(self) -> float:
        """The factor from the unit of tumour size to millimetres."""
        return units.factor(self.model.output_units[self.measure], "mm")
