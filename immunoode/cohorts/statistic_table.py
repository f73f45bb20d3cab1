"""The tables of published statistics in a cohort file; each becomes a target and the published numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode import units
from immunoode.cohorts.published import (
    NUMBER,
    OF_RESPONDERS,
    RATIO,
    RESPONDERS,
    SHARE,
    TIME,
    PublishedStatistic,
    PublishedValue,
)
from immunoode.errors import DataError, Problem, nearest
from immunoode.model.file_problems import FileProblems
from immunoode.number_checks import is_number
from immunoode.trial.survival.kaplan_meier import MONTH
from immunoode.virtual_population.targets.correlations import CorrelationTarget
from immunoode.virtual_population.targets.hazard_ratio import HazardRatioTarget
from immunoode.virtual_population.targets.means import MeanTarget
from immunoode.virtual_population.targets.median import NORMAL_QUANTILE, MedianTarget
from immunoode.virtual_population.targets.quantiles import QuantileTarget
from immunoode.virtual_population.targets.record import Target
from immunoode.virtual_population.targets.response_rates import ResponseRateTarget
from immunoode.virtual_population.targets.subgroup import SubgroupTarget
from immunoode.virtual_population.targets.survival_curve import SurvivalTarget

COMMON = ("kind", "arm", "trial", "source", "title", "among")
COMBINATION, SET = "combination", "set"
Made = tuple[Target, tuple[PublishedValue, ...], str]


@dataclass(frozen=True)
class Kind:
    """A kind of statistic: its keys, its required keys, and the function that reads it."""

    keys: tuple[str, ...]
    needed: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], Made]


def statistics_of(given: Any, key: str, problems: FileProblems) -> tuple[PublishedStatistic, ...]:
    """Return the statistics of a list of tables; problems are collected."""
    rows = problems.rows(given, key)
    found = [_statistic(row, f"{key}[{k}]", key == "held_out", problems) for k, row in enumerate(rows)]
    return tuple(one for one in found if one is not None)


def _statistic(row: Mapping[str, Any], place: str, held_out: bool, problems: FileProblems) -> PublishedStatistic | None:
    source, title = problems.source(row, place), problems.text(row, "title", place)
    group = problems.text(row, SET, place)
    name = row.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        problems.add(f"{place}.kind", f"is {name!r:.60}", nearest(str(name), KINDS))
        return None
    common = [key for key in COMMON if key != "arm" or "arms" not in kind.keys]
    table = problems.table(row, place, [*common, *kind.keys, *([COMBINATION, SET] if held_out else [])])
    missing = [key for key in kind.needed if key not in row]
    for key in missing:
        problems.add(place, f"has no {key}", f"{key} = ..., as described for {name!r} on the page about the format")
    if table is None or missing:
        return None
    combined = problems.texts(table[COMBINATION], f"{place}.{COMBINATION}") if COMBINATION in table else ()
    if len(combined) == 1:
        problems.add(f"{place}.{COMBINATION}", f"is {list(combined)}", "the arms of two or more single drugs")
    with problems.at(place):
        target, values, scale = kind.make(table)
        return PublishedStatistic(str(name), _of_subgroup(target, table), values, scale, source, title, combined, group, place)
    return None


def _of_subgroup(target: Target, table: Mapping[str, Any]) -> Target:
    """Return the target for the subgroup that the table or the endpoint implies."""
    limits = dict(RESPONDERS) if getattr(target, "endpoint", "") in OF_RESPONDERS else {}
    stated = table.get("among", {})
    if not isinstance(stated, Mapping):
        raise DataError(Problem("among", f"is {stated!r:.60}", "a table: { pdl1_score = [0.5, 1.0] }"))
    limits |= {name: tuple(v) if isinstance(v, list) else v for name, v in stated.items()}
    return SubgroupTarget(target, limits) if limits else target


def _response_rate(table: Mapping[str, Any]) -> Made:
    n, arm, trial = _number(table, "n"), table["arm"], table.get("trial", "")
    if ("rate" in table) == ("rates" in table):
        raise DataError(Problem("rate, rates", "are both stated, or neither", "rate = 0.44, or rates = { CR = 0.09, ... }"))
    if "rate" in table:
        target = ResponseRateTarget.objective(arm, table["rate"], n, trial=trial)
        return target, (_share("CR + PR", table["rate"], n, table.get("interval")),), SHARE
    target = ResponseRateTarget(arm, table["rates"], n, partial=bool(table.get("partial", False)), trial=trial)
    return target, tuple(_share(name, rate, n, None) for name, rate in table["rates"].items()), SHARE


def _median(table: Mapping[str, Any]) -> Made:
    return _median_of(table, table["endpoint"])


def _time_to_response(table: Mapping[str, Any]) -> Made:
    return _median_of(table, "TTR")


def _median_of(table: Mapping[str, Any], endpoint: str) -> Made:
    interval = _pair(table["interval"]) if "interval" in table else None
    target = MedianTarget.published(
        table["arm"], table["value"], interval, n=table.get("n"), endpoint=endpoint, trial=table.get("trial", "")
    )
    limits = _limits_of_median(target) if interval is None else tuple(units.days(t) for t in interval)
    return target, (PublishedValue(f"median {endpoint}", units.days(table["value"]), *limits),), TIME


def _limits_of_median(target: MedianTarget) -> tuple[float, float]:
    """Return the interval of a median from the number of subjects, under a constant hazard; None for a time to response."""
    if target.endpoint == "TTR":
        return float("nan"), float("nan")
    width = NORMAL_QUANTILE * target.standard_error / (0.5 * np.log(2))
    return float(target.days * np.exp(-width)), float(target.days * np.exp(width))


def _survival(table: Mapping[str, Any]) -> Made:
    ways = [key for key in ("at_risk", "intervals", "n") if key in table]
    if not ways:
        raise DataError(Problem("at_risk, intervals, n", "are missing", "one of them, to determine the sampling error"))
    days = np.atleast_1d(units.times(table["times"]))
    arm, shares, endpoint, trial = table["arm"], table["survival"], table["endpoint"], table.get("trial", "")
    if ways[0] == "at_risk":
        target = SurvivalTarget.from_published(arm, days, shares, table["at_risk"], endpoint=endpoint, trial=trial)
    else:
        sums = _sums_of_intervals(shares, table["intervals"]) if ways[0] == "intervals" else _sums_of_count(shares, table["n"])
        n = float(table.get("n", np.nan))
        target = SurvivalTarget(arm, tuple(map(float, days)), tuple(shares), sums, endpoint, n, trial)
    limits = table["intervals"] if "intervals" in table else _greenwood(target)
    rows = [f"{endpoint} after {day / MONTH:.3g} months" for day in target.days]
    values = zip(rows, target.survival, limits, strict=True)
    return target, tuple(PublishedValue(row, s, *map(float, limit)) for row, s, limit in values), SHARE


def _sums_of_intervals(survival: Any, intervals: Any) -> tuple[float, ...]:
    """Return Greenwood's sums of survival with intervals; they never decrease."""
    shares, limits = np.asarray(survival, float), np.asarray(intervals, float)
    if limits.shape != (len(shares), 2) or not ((limits[:, 0] <= shares) & (shares <= limits[:, 1])).all():
        raise DataError(Problem("intervals", f"are {intervals!r:.60}", "a lower and an upper limit for each value of survival"))
    errors = (limits[:, 1] - limits[:, 0]) / (2 * NORMAL_QUANTILE)
    return tuple(map(float, np.maximum.accumulate((errors / shares) ** 2)))


def _sums_of_count(survival: Any, n: Any) -> tuple[float, ...]:
    """Return Greenwood's sums for a number of subjects without censoring."""
    if not n > 0:
        raise DataError(Problem("n", f"is {n!r}", "the number of subjects"))
    return tuple((1 - s) / (s * n) if s > 0 else 0.0 for s in survival)


def _greenwood(target: SurvivalTarget) -> list[tuple[float, float]]:
    """Return intervals on the scale of log(-log S), as R's survfit and SAS do by default for published curves."""
    shares, errors = np.asarray(target.survival), np.sqrt(target.variance_sums)
    widths = NORMAL_QUANTILE * errors / np.abs(np.log(shares))
    return [(float(s ** np.exp(w)), float(s ** np.exp(-w))) for s, w in zip(shares, widths, strict=True)]


def _quantiles(table: Mapping[str, Any]) -> Made:
    shares, at = table["probabilities"], table["values"]
    if not isinstance(shares, list) or not isinstance(at, list) or len(shares) != len(at):
        raise DataError(Problem("probabilities, values", "are not two lists of equal length", "[0.25, 0.5], [-0.5, -0.1]"))
    n, column = _number(table, "n"), table.get("column", "best_change")
    quantiles = dict(zip(shares, at, strict=True))
    target = QuantileTarget(table.get("arm", ""), quantiles, n, column, table.get("trial", ""))
    shown = column.replace("_", " ")
    return target, tuple(_share(f"{shown} at or below {v:.3g}", p, n, None) for p, v in quantiles.items()), SHARE


def _mean(table: Mapping[str, Any]) -> Made:
    mean, sd, n, column = (table[key] for key in ("mean", "sd", "n", "column"))
    logarithmic = bool(table.get("logarithmic", False))
    arm, trial = table.get("arm", ""), table.get("trial", "")
    target = MeanTarget(arm, column, mean, sd, n, logarithmic, spread=False, trial=trial)
    width = NORMAL_QUANTILE * sd / np.sqrt(n)
    limits = (mean * np.exp(-width), mean * np.exp(width)) if logarithmic else (mean - width, mean + width)
    return target, (PublishedValue(f"mean {column.replace('_', ' ')}", mean, *map(float, limits)),), NUMBER


def _correlation(table: Mapping[str, Any]) -> Made:
    columns, ranks = tuple(table["columns"]), bool(table.get("ranks", False))
    target = CorrelationTarget(
        table.get("arm", ""), columns, table["correlation"], table["n"], ranks, trial=table.get("trial", "")
    )
    centre, width = np.arctanh(target.correlation), NORMAL_QUANTILE / np.sqrt(max(target.n - 3, 1))
    limits = (float(np.tanh(centre - width)), float(np.tanh(centre + width)))
    return target, (PublishedValue("correlation", target.correlation, *limits),), NUMBER


def _hazard_ratio(table: Mapping[str, Any]) -> Made:
    interval, endpoint = _pair(table["interval"]), table.get("endpoint", "PFS")
    arms, ratio, trial, followed = tuple(table["arms"]), table["ratio"], table.get("trial", ""), table.get("follow_up")
    limits = None if followed is None else tuple(followed) if isinstance(followed, list) else (followed, followed)
    target = HazardRatioTarget.published(arms, ratio, interval, endpoint=endpoint, trial=trial, follow_up=limits)
    return target, (PublishedValue(f"hazard ratio of {endpoint}", target.ratio, *map(float, interval)),), RATIO


KINDS: Mapping[str, Kind] = {
    "response rate": Kind(("rate", "rates", "n", "interval", "partial"), ("arm", "n"), _response_rate),
    "median": Kind(("endpoint", "value", "interval", "n"), ("arm", "endpoint", "value"), _median),
    "survival": Kind(
        ("endpoint", "times", "survival", "at_risk", "intervals", "n"), ("arm", "endpoint", "times", "survival"), _survival
    ),
    "quantiles": Kind(("column", "probabilities", "values", "n"), ("probabilities", "values", "n"), _quantiles),
    "mean": Kind(("column", "mean", "sd", "n", "logarithmic"), ("column", "mean", "sd", "n"), _mean),
    "correlation": Kind(("columns", "correlation", "n", "ranks"), ("columns", "correlation", "n"), _correlation),
    "hazard ratio": Kind(("arms", "endpoint", "ratio", "interval", "follow_up"), ("arms", "ratio", "interval"), _hazard_ratio),
    "median time to response": Kind(("value", "interval", "n"), ("arm", "value"), _time_to_response),
}


def _share(row: str, share: float, n: float, interval: Any) -> PublishedValue:
    """Return a proportion with its interval, by default that of Clopper and Pearson."""
    from scipy.stats import binomtest

    if interval is not None:
        return PublishedValue(row, share, *map(float, _pair(interval)))
    if not 0 <= share <= 1:
        raise DataError(Problem("rate", f"is {share!r}", "a fraction between 0 and 1: 0.25 for 25 %"))
    limits = binomtest(round(share * n), round(n)).proportion_ci()
    return PublishedValue(row, share, float(limits.low), float(limits.high))


def _pair(given: Any) -> tuple[Any, Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise DataError(Problem("interval", f"is {given!r:.60}", "the lower and the upper limit: [0.2, 0.4]"))
    return given[0], given[1]


def _number(table: Mapping[str, Any], key: str) -> float:
    value = table[key]
    if not (is_number(value) and 1 <= value < 1e9):
        raise DataError(Problem(key, f"is {value!r:.60}", "the number of subjects, at least 1"))
    return float(value)
