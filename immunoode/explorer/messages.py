"""ExplorerPanels and choices as values of JSON for the browser; arrays are 32-bit floats in base 64."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem
from immunoode.explorer.dose_rows import suggested_units
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.outputs import title_of
from immunoode.explorer.panels import ExplorerPanels, Series
from immunoode.explorer.sliders import Slider
from immunoode.explorer.state import ExplorerState
from immunoode.plot.quantity_labels import label, pretty_unit, sentence, words

_ROW = re.compile(r"row (\d+) of (.*)", re.DOTALL)
_CELLS = ("amount", "start", "every", "count", "over")
_MONTH = 30.4375
_HEADS = {
    "smallest_change": "smallest change (%)",
    "final_size": "size at the end",
    "progression_day": "progression (day)",
    "response_rate": "response rate of the patients (%)",
    "median_pfs": "median PFS (months)",
    "events": "patients with progression",
    "patients": "patients",
}


def encoded_array(values: NDArray[np.float64]) -> str:
    """Return an array as text.

    Examples
    --------
    >>> encoded_array(np.array([1.0, 2.0]))
    'AACAPwAAAEA='
    """
    return b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def panels_message(panels: ExplorerPanels) -> dict[str, Any]:
    """Return panels as values of JSON; days that several lines share are there once."""
    days: list[str] = []
    places: dict[int, int] = {}

    def series(one: Series) -> dict[str, Any]:
        if id(one.days) not in places:
            places[id(one.days)] = len(days)
            days.append(encoded_array(one.days))
        values = encoded_array(one.values)
        return {
            "regimen": one.regimen,
            "days": places[id(one.days)],
            "values": values,
            "steps": one.steps,
            "reference": one.reference,
        }

    shown = [
        {
            "name": p.name,
            "kind": p.kind,
            "title": sentence(p.title),
            "unit": "" if p.kind == "survival" else p.unit,
            "series": [series(s) for s in p.series],
            "notes": list(p.notes),
        }
        for p in panels.panels
    ]
    return {
        "regimens": list(panels.regimens),
        "span": list(panels.span),
        "days": days,
        "panels": shown,
        "summary": _summary(panels),
        "problems": placed_problems(panels),
    }


def placed_problems(panels: ExplorerPanels) -> dict[str, Any]:
    """Return problems by the place where they are shown: rows of regimens, sliders, and others."""
    rows, sliders, other = list[dict[str, Any]](), dict[str, str](), list[str]()
    for problem in panels.problems:
        place = _row_of(problem, panels.regimens)
        if place is not None:
            rows.append(place)
        else:
            other.append(str(problem))
    return {"rows": rows, "sliders": sliders, "other": other}


def _row_of(problem: Problem, regimens: tuple[str, ...]) -> dict[str, Any] | None:
    """Return where a problem of a row belongs, and its text without the place."""
    match = _ROW.match(problem.where)
    if not match:
        return None
    for k, name in enumerate(regimens):
        if match[2] == name or match[2].startswith(f"{name}: "):
            where = match[2][len(name) :].removeprefix(": ")
            cell = next((c for c in _CELLS if re.search(rf"\b{c}\b", where)), "")
            text = ": ".join(part for part in (where, problem.what) if part) + (f"; {problem.right}" if problem.right else "")
            return {"regimen": k, "row": int(match[1]), "text": text, "cell": cell}
    return None


def _summary(panels: ExplorerPanels) -> dict[str, Any]:
    columns = [n for n in _HEADS if any(getattr(one, n) is not None for one in panels.summaries) or n == "progression_day"]
    rows = [[one.regimen, *(_cell(name, getattr(one, name)) for name in columns)] for one in panels.summaries]
    return {"columns": [_HEADS[name] for name in columns], "rows": rows}


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "none"
    if name == "median_pfs":
        return f"{value / _MONTH:.1f}" if math.isfinite(value) else "not reached"
    if name == "response_rate":
        return f"{100 * value:.0f}"
    return f"{value:.0f}" if name in ("events", "patients", "progression_day") else f"{value:.3g}".replace("-", "\u2212")


def opening_message(explorer: ModelExplorer, state: ExplorerState) -> dict[str, Any]:
    """Return the data that the browser needs to begin: the available choices, and the first panels."""
    setting = explorer.setting
    outputs = list(dict.fromkeys([*state.outputs, *sorted(setting.model.output_units)]))
    return {
        "title": setting.model.model.title or setting.model.name,
        "parameters": [slider_message(setting.slider(name)) for name in setting.model.constants],
        "inputs": [
            {"name": name, "unit": unit, "units": list(suggested_units(unit))}
            for name, unit in setting.model.input_units.items()
        ],
        "outputs": [
            {"name": n, "label": label(n, setting.model.output_units[n]), "title": title_of(setting.model, n)} for n in outputs
        ],
        "state": state.to_json(),
        "panels": panels_message(explorer.panels(state)),
    }


def slider_message(slider: Slider) -> dict[str, Any]:
    """Return a slider as values of JSON, with its name in words."""
    shown = {"label": sentence(words(slider.name)), "unit": pretty_unit(slider.unit)}
    return {**asdict(slider), **shown}
