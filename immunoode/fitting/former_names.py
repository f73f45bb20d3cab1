"""Former names of classes and fields in saved fits, and the former attributes of a fit's objective."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

CLASSES: Mapping[str, str] = {
    "Change": "StateChange",
    "Course": "CovariateSeries",
    "Design": "Parameterisation",
    "Earlier": "PriorFromFit",
    "Effects": "MixedEffects",
    "Ended": "MethodResult",
    "Likelihood": "ObservationLikelihood",
    "Nested": "OccasionCovariance",
    "Objective": "LeastSquares",
    "Pattern": "CovariancePattern",
    "Point": "PopulationParameters",
    "PopulationStarts": "PopulationMultiStartResult",
    "Problem": "PopulationModel",
    "Reaction": "Trigger",
    "Slot": "FittedParameter",
    "Starts": "MultiStartResult",
}
"""Classes in saved fits, by their former names."""
FIELDS: Mapping[str, Mapping[str, str | None]] = {
    "FitResult": {"objective": "least_squares"},
    "LeastSquares": {"design": "parameterisation"},
    "MethodResult": {"point": "estimates"},
    "OccasionCovariance": {"own": "subject_effect", "occasional": "occasion_effect"},
    "Parameterisation": {"slots": "fitted_parameters"},
    "PopulationModel": {"starts": "first_rows", "others": "other_starts"},
    "PopulationResult": {"problem": "population_model", "ended": "outcome"},
    "Priors": {"earlier": "from_fits"},
    "Regimen": {"reactions": "triggers"},
    "Schedule": {"reactions": "triggers"},
    "Simulated": {"columns": None, "design": "parameterisation"},
}
"""Fields in saved fits, by the present name of their class and their former names; None: no longer a field, not read."""


class ObjectiveValue(float):
    """The objective of a fit: a number with the attributes of the object that had its name before, with a warning."""

    least_squares: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "least_squares":
            raise AttributeError(name)
        text = f"FitResult.objective is the number that was minimised; use FitResult.least_squares.{name}"
        warnings.warn(text, FutureWarning, stacklevel=2)
        return getattr(self.least_squares, name)
