"""Codes of the vocabulary of assessments: kinds of lesions, findings and responses, in any case of letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.findings import NOT_EVALUABLE, SYNONYMS, TOO_SMALL

if TYPE_CHECKING:
    import pandas as pd

CR, PR, SD, NON_CR_NON_PD, PD, IUPD, NE = range(7)
"""Codes of responses from best to worst, as a best response is chosen; PD is iCPD where IUPD is used."""
NONE = -1
"""Code of no response at all."""
RECIST_NAMES = ("CR", "PR", "SD", "non-CR/non-PD", "PD", "", "NE", "")
IRECIST_NAMES = ("iCR", "iPR", "iSD", "non-iCR/non-iUPD", "iCPD", "iUPD", "NE", "")
"""Names of the codes; the last is that of `NONE`."""

RESPONDED, PROGRESSED = (CR, PR), (PD, IUPD)
"""Codes of an objective response, and of progression, confirmed or not."""

TARGET, NON_TARGET, NEW, NEW_TARGET, NEW_NON_TARGET = range(5)
GROUPS = {"target": TARGET, "non-target": NON_TARGET, "new": NEW, "new target": NEW_TARGET, "new non-target": NEW_NON_TARGET}
KINDS = tuple(kind + node for kind in GROUPS for node in ("", " node"))
"""The kinds of lesions; a node is measured by its short axis."""

BLANK, UNKNOWN, SMALL, ABSENT, PRESENT, INCREASED, PROGRESSION = range(7)
FINDINGS = {
    "": BLANK,
    NOT_EVALUABLE: UNKNOWN,
    TOO_SMALL: SMALL,
    "absent": ABSENT,
    "present": PRESENT,
    "new": PRESENT,
    "unequivocal progression": PROGRESSION,
    "increased": INCREASED,
}
"""Findings of a lesion; "increased" is an increase since the last assessment that need not be unequivocal."""
_MORE_FINDINGS = {"nan": "", "none": "", "equivocal": NOT_EVALUABLE, "increase": "increased", "further increase": "increased"}
_SHORT = {"t": "target", "tl": "target", "nt": "non-target", "ntl": "non-target", "nl": "new"}


def kind_code(text: str) -> int | None:
    """Return twice the group, plus one for a node; None if the text is not a kind of lesion."""
    text = _SHORT.get(text.lower(), text)
    words = text.lower().replace("_", " ").replace("nontarget", "non-target").replace("non target", "non-target").split()
    bare = [w for w in words if w not in ("lesion", "lymph", "node", "nodal")]
    group = GROUPS.get(" ".join(bare))
    return None if group is None else 2 * group + ("node" in words or "nodal" in words)


def finding_code(text: str) -> int | None:
    """Return the code of a finding, None if the text is not a finding."""
    lower = text.lower()
    return FINDINGS.get(_MORE_FINDINGS.get(lower, SYNONYMS.get(lower, lower)))


_RESPONSES = {
    **{name.lower(): code for table in (RECIST_NAMES, IRECIST_NAMES) for code, name in enumerate(table) if name},
    **{"completeresponse": CR, "partialresponse": PR, "stabledisease": SD, "progressivedisease": PD, "nn": NON_CR_NON_PD},
    **{
        "diseaseprogression": PD,
        "progression": PD,
        "noncr/nonpd": NON_CR_NON_PD,
        "non-cr/nonpd": NON_CR_NON_PD,
        "noncr/non-pd": NON_CR_NON_PD,
    },
    **dict.fromkeys(
        (
            "notevaluable",
            "unevaluable",
            "inevaluable",
            "nonevaluable",
            "non-evaluable",
            "notassessable",
            "nd",
            "notdone",
            "notassessed",
            "notevaluated",
            "missing",
        ),
        NE,
    ),
}
"""How responses are written, in lower case without spaces."""
_NON_TARGETS = {
    **dict.fromkeys(("absent", "disappeared", "resolved"), CR),
    **dict.fromkeys(("sd", "stable", "present", "ir/sd", "incompleteresponse/stabledisease", "increased"), NON_CR_NON_PD),
    "unequivocalprogression": PD,
}
"""Further spellings of the response of non-targets; neither absent nor unequivocally progressed is non-CR/non-PD."""


def response_code(text: str) -> int | None:
    """Return the code of a response by RECIST or iRECIST, `NONE` for an empty text, None for other texts."""
    lower = _plain(text)
    return NONE if lower in ("", "nan", "none") else _RESPONSES.get(lower)


def non_target_code(text: str) -> int | None:
    """Return the code of a response of non-target lesions, `NONE` for an empty text, None for other texts."""
    found = _NON_TARGETS.get(_plain(text))
    code = response_code(text) if found is None else found
    return code if code in (NONE, CR, NON_CR_NON_PD, PD, NE) else None


def _plain(text: str) -> str:
    return text.lower().replace(" ", "").replace("_", "")


def is_one_of(response: object, codes: Sequence[int]) -> bool:
    """Return whether a response, by RECIST or iRECIST, has one of these codes."""
    return response_code(str(response)) in codes


def reported_response_code(text: str) -> int | None:
    """Return the code of a reported overall response: PD is iUPD under iRECIST, and an assessment not done is NE (4.4.2)."""
    lower = _plain(text)
    if lower in ("na", "n/a", "notapplicable", "baseline"):
        return NONE
    return IUPD if lower == "pd" else response_code(text)


def target_code(text: str) -> int | None:
    """Return the code of a response of target lesions, `NONE` for an empty text, None for other texts."""
    code = response_code(text)
    return code if code in (NONE, CR, PR, SD, PD, NE) else None


def encode(column: pd.Series, code: Callable[[str], int | None], known: Sequence[str]) -> np.ndarray:
    """Return the codes of a column of texts.

    Raises
    ------
    DataError
        With all unknown words.
    """
    import pandas as pd

    numbers, words = pd.factorize(column.fillna("") if hasattr(column, "fillna") else column)
    codes = [code(str(word).strip()) for word in words]
    wrong = [str(word) for word, number in zip(words, codes, strict=True) if number is None]
    DataError.raise_if(Problem(f"assessments: {column.name}", f"{w!r} is unknown", nearest(w, known)) for w in wrong)
    return np.asarray(codes, dtype=np.int64)[numbers] if len(codes) else np.zeros(len(column), dtype=np.int64)
