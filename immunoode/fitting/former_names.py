"""Former names of classes and fields in saved fits."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES: Mapping[str, str] = {
    "Change": "StateChange",
    "Course": "CovariateSeries",
    "Effects": "MixedEffects",
    "Ended": "MethodResult",
    "Likelihood": "ObservationLikelihood",
    "Nested": "OccasionCovariance",
    "Pattern": "CovariancePattern",
    "Point": "PopulationParameters",
    "PopulationStarts": "PopulationMultiStartResult",
    "Problem": "PopulationModel",
    "Reaction": "Trigger",
}
"""Classes in saved fits, by the names that they had."""
FIELDS: Mapping[str, Mapping[str, str]] = {
    "MethodResult": {"point": "estimates"},
    "OccasionCovariance": {"own": "subject_effect", "occasional": "occasion_effect"},
    "PopulationModel": {"starts": "first_rows", "others": "other_starts"},
    "PopulationResult": {"problem": "population_model", "ended": "outcome"},
    "Regimen": {"reactions": "triggers"},
    "Schedule": {"reactions": "triggers"},
}
"""Fields in saved fits, by today's name of their class and the names that they had."""
