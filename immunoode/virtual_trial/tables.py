"""Tables of trial data from observed time courses: diameters, new lesions and survival."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.trial_data import COLUMNS, DIAMETER, ENDPOINTS, FINDINGS, TrialData, empty
from immunoode.virtual_trial.observation import ObservedCourses

if TYPE_CHECKING:
    import pandas as pd

TOO_SMALL_FLAG, ABSENT_FLAG = "too small to measure", "absent"


def trial_tables(courses: ObservedCourses, subjects: Sequence[str], arm: str | Sequence[str], limit_mm: float) -> TrialData:
    """Return observed courses as trial data.

    Parameters
    ----------
    courses : ObservedCourses
        Those of P subjects.
    subjects : sequence of str, length P
    arm : str or sequence of str, length P
    limit_mm : float
        Diameters up to this are flagged as too small to measure.
    """
    names = np.asarray(subjects, dtype=object)
    arms = np.full(len(names), arm, dtype=object) if isinstance(arm, str) else np.asarray(arm, dtype=object)
    endpoints = _survival(courses, names, arms) if courses.may_die else empty(ENDPOINTS)
    diameters = _diameters(courses, names, arms, limit_mm)
    return TrialData(diameters, findings=_new_lesions(courses, names, arms), endpoints=endpoints)


def _diameters(courses: ObservedCourses, subjects: np.ndarray, arms: np.ndarray, limit_mm: float) -> pd.DataFrame:
    """Return one row per lesion and visit."""
    import pandas as pd

    patient, visit, lesion = np.nonzero(courses.attended[:, :, None] & np.isfinite(courses.diameters))
    value = courses.diameters[patient, visit, lesion]
    flag = np.select([value == 0, value <= limit_mm], [ABSENT_FLAG, TOO_SMALL_FLAG], "")
    names = np.array([f"target {k + 1}" for k in range(courses.diameters.shape[2])], dtype=object)
    table = pd.DataFrame(
        {
            "subject": subjects[patient],
            "arm": arms[patient],
            "time": courses.days[patient, visit],
            "quantity": DIAMETER,
            "value": value,
            "unit": "mm",
            "lesion": names[lesion],
            "kind": "target",
            "censoring": "",
            "limit": np.nan,
            "flag": flag,
            "visit": "",
        }
    )
    return table.assign(row=table.index)


def _new_lesions(courses: ObservedCourses, subjects: np.ndarray, arms: np.ndarray) -> pd.DataFrame:
    """Return the visits at which a new lesion is seen."""
    import pandas as pd

    patient, visit = np.nonzero(courses.attended & (courses.days >= courses.new_lesions[:, None]) & (courses.days > 0))
    words = {"lesion": "new 1", "kind": "new", "finding": "present", "visit": ""}
    table = pd.DataFrame({"subject": subjects[patient], "arm": arms[patient], "time": courses.days[patient, visit], **words})
    return table.assign(row=table.index)[list(FINDINGS)]


def _survival(courses: ObservedCourses, subjects: np.ndarray, arms: np.ndarray) -> pd.DataFrame:
    """Return overall survival, censored at dropout or at the end of the trial."""
    import pandas as pd

    until = courses.last_contact
    event = courses.death <= until
    reason = np.where(event, "death", "alive at last contact")
    columns = {"subject": subjects, "arm": arms, "endpoint": "OS", "time": np.minimum(courses.death, until), "event": event}
    return pd.DataFrame({**columns, "reason": reason})


def concatenate(parts: list[TrialData], title: str) -> TrialData:
    """Return several trial data as one."""
    import pandas as pd

    def joined(name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        tables = [t for t in (getattr(p, name) for p in parts) if len(t)]
        return pd.concat(tables, ignore_index=True) if tables else empty(columns)

    frame = joined("frame", COLUMNS)
    findings = joined("findings", FINDINGS)
    return TrialData(frame, title, findings=findings, endpoints=joined("endpoints", ENDPOINTS))
