"""Reading the cases of `response_cases/*.toml` into the tables that `recist` and `irecist` take."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).parent / "response_cases"
WORDS = {"ne": "not evaluable", "small": "too small to measure", "progression": "unequivocal progression"}
NON = {"NON": "non-CR/non-PD"}
EXTRA = {
    "non_target": "non_target",
    "new": "new_lesion",
    "gone": "target_gone",
    "markers": "markers_normal",
    "new_count": "new_lesions",
    "new_sum": "new_sum_of_diameters",
    "increased": "non_target_increased",
}
"""Keys of a case and the columns of a table of sums."""


def cases(prefix: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every case of the files that begin so, each with a name for pytest."""
    found = []
    for path in sorted(FOLDER.glob(f"{prefix}_*.toml")):
        for number, case in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["case"], 1):
            found.append((f"{path.stem}-{number}", case))
    return found


def pairs(text: str) -> list[tuple[float, str]]:
    """Return days and what they say, of "0:100 42:70"."""
    return [(float(day), word) for day, word in (item.split(":", 1) for item in text.split())]


def table(case: dict[str, Any]) -> pd.DataFrame:
    """Return the table of a case, of one subject."""
    if "lesions" in case:
        return _lesions(case)
    if "responses" in case:
        return pd.DataFrame(
            [{"subject": "1", "time": day, "response": NON.get(word, word)} for day, word in pairs(case["responses"])]
        )
    rows = [
        {"subject": "1", "time": day, "sum_of_diameters": None if word == "ne" else float(word)}
        for day, word in pairs(case["sums"])
    ]
    frame = pd.DataFrame(rows)
    for key, column in EXTRA.items():
        if key in case:
            said = {day: NON.get(word, word) for day, word in pairs(case[key])}
            frame[column] = [said.get(day, "" if key not in ("new_sum", "new_count") else 0) for day in frame["time"]]
    return frame


def _lesions(case: dict[str, Any]) -> pd.DataFrame:
    rows = []
    markers = dict(pairs(case.get("markers", "")))
    for lesion in case["lesions"]:
        parts = lesion.split()
        visits = [p for p in parts if ":" in p]
        name, kind = parts[0], " ".join(p for p in parts[1:] if ":" not in p)
        kind, _, organ = kind.partition("@")
        for day, word in pairs(" ".join(visits)):
            number, _, finding = word.partition("/")
            try:
                diameter: float | None = float(number)
            except ValueError:
                diameter, finding = None, number
            row = {"subject": "1", "time": day, "lesion": name, "kind": kind, "organ": organ or None, "diameter": diameter}
            rows.append({**row, "finding": WORDS.get(finding, finding), "markers_normal": markers.get(day, "yes")})
    frame = pd.DataFrame(rows)
    return frame if frame["organ"].notna().any() else frame.drop(columns="organ")
