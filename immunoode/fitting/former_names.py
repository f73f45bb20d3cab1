"""Former names: of classes and fields in saved fits, and of attributes of results. Each is kept for a release."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

CLASSES: Mapping[str, str] = {
    "Effects": "MixedEffects",
    "Ended": "MethodResult",
    "Nested": "OccasionCovariance",
    "Pattern": "CovariancePattern",
    "Point": "PopulationParameters",
    "PopulationStarts": "PopulationMultiStartResult",
    "Problem": "PopulationModel",
}
"""Classes in saved fits, by the names that they had."""
FIELDS: Mapping[str, Mapping[str, str]] = {
    "MethodResult": {"point": "estimates"},
    "OccasionCovariance": {"own": "subject_effect", "occasional": "occasion_effect"},
    "PopulationModel": {"starts": "first_rows", "others": "other_starts"},
    "PopulationResult": {"problem": "population_model", "ended": "outcome"},
}
"""Fields in saved fits, by today's name of their class and the names that they had."""


def renamed(old: str, new: str) -> property:
    """Return a property for the former name of an attribute, which warns and gives what the new one does."""

    def get(self: Any) -> Any:
        """Return what the new attribute holds, with a warning."""
        kind = type(self).__name__
        warnings.warn(
            f"{kind}.{old} is now {kind}.{new}; the former name goes with the next release", FutureWarning, stacklevel=2
        )
        return getattr(self, new)

    return property(get, doc=f"Former name of `{new}`.")
