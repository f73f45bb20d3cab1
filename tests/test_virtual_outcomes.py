"""Outcomes from arrays equal those of `recist`, `irecist` and the endpoints of the same data as tables, in each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.trial import IrecistRules, PfsRules, RecistRules
from immunoode.virtual_trial import evaluate_outcomes
from tests.long_forms import spread

VISITS, LESIONS = 9, 3


@dataclass(frozen=True)
class Drawn:
    """Assessments of random subjects, as arrays."""

    days: np.ndarray
    diameters: np.ndarray
    new: np.ndarray
    death: np.ndarray
    last: np.ndarray

    @property
    def names(self) -> list[str]:
        return [f"s{k:06d}" for k in range(len(self.days))]

    @property
    def attended(self) -> np.ndarray:
        """Which visits took place."""
        return np.asarray(self.days <= np.minimum(self.death, self.last)[:, None])

    def lesions(self) -> pd.DataFrame:
        """One row per lesion and visit, and one per visit with a new lesion."""
        who, visit, lesion = np.nonzero(self.attended[:, :, None] & np.isfinite(self.diameters).any(axis=1)[:, None, :])
        names = np.asarray(self.names, dtype=object)
        rows = {"subject": names[who], "time": self.days[who, visit], "lesion": [f"t{k}" for k in lesion], "kind": "target"}
        targets = pd.DataFrame({**rows, "diameter": self.diameters[who, visit, lesion], "finding": ""})
        who, visit = np.nonzero(self.attended & (self.days >= self.new[:, None]))
        rows = {"subject": names[who], "time": self.days[who, visit], "lesion": "n", "kind": "new"}
        return pd.concat([targets, pd.DataFrame({**rows, "diameter": np.nan, "finding": "present"})], ignore_index=True)

    def survival(self) -> pd.DataFrame:
        died = self.death <= self.last
        time = np.minimum(self.death, self.last)
        return pd.DataFrame({"subject": self.names, "arm": "", "endpoint": "OS", "time": time, "event": died})


def draw(subjects: int, seed: int) -> Drawn:
    """Return subjects whose lesions grow, shrink, disappear, come back, and are sometimes not measured."""
    random = np.random.default_rng(seed)
    days = np.arange(VISITS) * 42.0 + random.integers(-9, 10, (subjects, VISITS))
    days[:, 0] = -random.integers(0, 21, subjects)
    days[random.random(days.shape) < 0.1] = np.nan
    walk = np.cumsum(random.normal(0.0, 0.25, (subjects, VISITS, LESIONS)), axis=1)
    trend = random.normal(0.0, 0.2, (subjects, 1, 1)) * np.arange(VISITS)[:, None]
    diameters = np.round(random.uniform(8, 60, (subjects, 1, LESIONS)) * np.exp(walk + trend))
    diameters[diameters < 8] = 5.0
    diameters[random.random(diameters.shape) < 0.05] = 0.0
    vanish = random.random(subjects) < 0.15
    diameters[vanish, random.integers(1, VISITS) :] = 0.0
    diameters[random.random(diameters.shape) < 0.04] = np.nan
    few = random.integers(1, LESIONS + 1, subjects)
    diameters[np.broadcast_to(np.arange(LESIONS) >= few[:, None, None], diameters.shape)] = np.nan
    new = np.where(random.random(subjects) < 0.4, random.uniform(1, 500, subjects), np.inf)
    death = np.ceil(random.exponential(500, subjects))
    return Drawn(days, diameters, new, death, np.minimum(336.0, np.ceil(random.exponential(900, subjects))))


def by_tables(drawn: Drawn, rules: Any, pfs_rules: PfsRules, confirmed: bool) -> pd.DataFrame:
    """Return the same outcomes by way of tables."""
    enrolled = pd.DataFrame({"subject": drawn.names})
    criteria = imo.irecist if isinstance(rules, IrecistRules) else imo.recist
    responses = criteria(drawn.lesions(), rules, enrolled=enrolled)
    overall = drawn.survival()
    pfs = imo.trial.progression_free_survival(responses, overall, rules=pfs_rules).set_index("subject").loc[drawn.names]
    lasted = imo.trial.duration_of_response(responses, overall, confirmed=confirmed, rules=pfs_rules).set_index("subject")
    lasted = lasted.reindex(drawn.names)
    own = responses.subjects.set_index("subject").loc[drawn.names]
    return pd.DataFrame(
        {
            "baseline": own["baseline"],
            "best_change": own["best_change"],
            "best_response": own["confirmed_response" if confirmed else "best_response"],
            "pfs_time": pfs["time"],
            "pfs_event": pfs["event"],
            "pfs_reason": pfs["reason"],
            "os_time": overall["time"].to_numpy(),
            "os_event": overall["event"].to_numpy(),
            "os_reason": np.where(overall["event"], "death", "alive at last contact"),
            "time_to_response": own["confirmed_response_time" if confirmed else "response_time"],
            "duration_of_response": lasted["time"],
            "duration_event": lasted["event"].eq(True),
        }
    )


def by_arrays(drawn: Drawn, **options: Any) -> pd.DataFrame:
    ends = {"death": drawn.death, "last_contact": drawn.last}
    return evaluate_outcomes(drawn.days, drawn.diameters, new_lesions=drawn.new, index=drawn.names, **ends, **options)


def compare(drawn: Drawn, rules: Any, pfs_rules: PfsRules, confirmed: bool) -> None:
    expected = by_tables(drawn, rules, pfs_rules, confirmed)
    found = by_arrays(drawn, rules=rules, pfs_rules=pfs_rules, confirmed=confirmed)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_names=False)


@pytest.mark.parametrize("confirmed", spread([False, True], 1))
@pytest.mark.parametrize(
    "rules",
    [
        RecistRules(),
        pytest.param(
            RecistRules(not_evaluable_between=0, stable_between=1, partial_response_continues="once confirmed"),
            marks=pytest.mark.slow,
        ),
        pytest.param(RecistRules(reappearance_is_progression=False, stable_days=60, baseline="first"), marks=pytest.mark.slow),
        pytest.param(IrecistRules(), marks=pytest.mark.slow),
        IrecistRules(late_confirmation=False, unconfirmed_is_progression=False, new_lesions_block="always"),
    ],
    ids=["recist", "confirmation", "reappearance", "irecist", "late"],
)
def test_arrays_and_tables_agree(rules: Any, confirmed: bool) -> None:
    drawn = draw(1500, seed=1 + confirmed)
    compare(drawn, rules, PfsRules(), confirmed)
    compare(drawn, rules, PfsRules(longest_gap="14 weeks"), confirmed)


def test_random_subjects_have_every_outcome() -> None:
    found = by_arrays(draw(1500, seed=1))
    assert set(found["best_response"]) == {"CR", "PR", "SD", "PD", "NE"}
    assert set(found["pfs_reason"]) >= {"progression", "death", "no assessment after baseline"}
    assert found["duration_event"].any() and (found["duration_of_response"].notna() & ~found["duration_event"]).any()


@pytest.mark.slow
def test_arrays_and_tables_agree_for_thousands() -> None:
    for seed in range(2):
        compare(draw(10_000, seed=100 + seed), RecistRules(), PfsRules(), bool(seed % 2))
        compare(draw(5_000, seed=200 + seed), IrecistRules(), PfsRules(), bool(seed % 2))


def test_sums_and_single_lesions_are_the_same() -> None:
    drawn = draw(300, seed=5)
    one = drawn.diameters[:, :, 0]
    pd.testing.assert_frame_equal(evaluate_outcomes(drawn.days, one), evaluate_outcomes(drawn.days, one[:, :, None]))


def test_subjects_without_target_lesions_are_not_evaluable() -> None:
    found = evaluate_outcomes([0.0, 42.0, 84.0], np.full((2, 3), np.nan), new_lesions=[np.inf, 60.0])
    assert found["best_response"].tolist() == ["NE", "PD"] and found["baseline"].isna().all()
    assert found["pfs_reason"].tolist() == ["no assessment after baseline", "progression"]


def test_blocks_do_not_matter() -> None:
    drawn = draw(8192 + 40, seed=6)
    whole = by_arrays(drawn)
    part = Drawn(*(getattr(drawn, name)[8180:] for name in ("days", "diameters", "new", "death", "last")))
    pd.testing.assert_frame_equal(whole.iloc[8180:].reset_index(drop=True), by_arrays(part).reset_index(drop=True))


def test_counts_of_new_lesions_or_their_day() -> None:
    days = np.array([0.0, 42.0, 84.0])
    sizes = np.full((2, 3), 50.0)
    by_day = evaluate_outcomes(days, sizes, new_lesions=[np.inf, 50.0])
    by_count = evaluate_outcomes(days, sizes, new_lesions=[[0, 0, 0], [0, 0, 1]])
    pd.testing.assert_frame_equal(by_day, by_count)
    assert by_day["pfs_time"].tolist() == [84.0, 84.0] and by_day["pfs_event"].tolist() == [False, True]


def test_nobody() -> None:
    assert evaluate_outcomes([0.0, 42.0], np.empty((0, 2))).shape == (0, 9)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sizes": np.ones(3)}, "sizes: have 1 dimensions"),
        ({"days": [0.0, 42.0]}, r"days: have the shape \(2,\); \(3,\) or \(2, 3\), as sizes"),
        ({"days": [0.0, 42.0, 42.0]}, "days: do not increase for subject 0"),
        ({"sizes": -np.ones((2, 3))}, "sizes: are negative or infinite for 2 subjects"),
        ({"sizes": "abc"}, "sizes: are str; an array of numbers"),
        ({"new_lesions": np.zeros((2, 4))}, "new_lesions: have the shape"),
        ({"death": [np.nan, 4.0]}, "death: is NaN for 1 subjects; infinite if there is none"),
        ({"last_contact": [1.0]}, r"last_contact: has the shape \(1,\)"),
    ],
)
def test_wrong_arrays(options: dict[str, Any], expected: str) -> None:
    given: dict[str, Any] = {"days": [0.0, 42.0, 84.0], "sizes": np.ones((2, 3)), **options}
    with pytest.raises(DataError, match=expected):
        evaluate_outcomes(given.pop("days"), given.pop("sizes"), **given)
