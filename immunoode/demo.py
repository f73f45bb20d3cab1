"""The main job, end to end: fit a model to trial data, then show what combinations would do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from immunoode.atomic import write_whole
from immunoode.errors import DataError, Problem, nearest
from immunoode.fit.fit import fit
from immunoode.model.combine import combine
from immunoode.model.library import load_model
from immunoode.model.parts import Model
from immunoode.regimen.regimen import Regimen
from immunoode.report import Section, image, page, paragraph, png, preformatted
from immunoode.scenario.compare import compare
from immunoode.trial.example import load_example
from immunoode.trial.lesions import is_lesion_table, read_lesions
from immunoode.trial.reading import read_trial

STANDARD: dict[str, tuple[str, dict[str, Any]]] = {
    "pembrolizumab": ("200 mg", {"every": "3 weeks", "count": 17, "over": "30 min"}),
    "nivolumab": ("240 mg", {"every": "2 weeks", "count": 26, "over": "30 min"}),
    "atezolizumab": ("1200 mg", {"every": "3 weeks", "count": 17, "over": "60 min"}),
    "durvalumab": ("10 mg/kg", {"every": "2 weeks", "count": 26, "over": "60 min"}),
    "ipilimumab": ("3 mg/kg", {"every": "3 weeks", "count": 4, "over": "90 min"}),
    "docetaxel": ("75 mg/m2", {"every": "3 weeks", "count": 6, "over": "1 hour"}),
    "paclitaxel": ("200 mg/m2", {"every": "3 weeks", "count": 4, "over": "3 hours"}),
    "cisplatin": ("75 mg/m2", {"every": "3 weeks", "count": 4, "over": "1 hour"}),
    "carboplatin": ("5 mg*min/mL", {"every": "3 weeks", "count": 4, "over": "30 min"}),
    "pemetrexed": ("500 mg/m2", {"every": "3 weeks", "count": 17, "over": "10 min"}),
    "gemcitabine": ("1000 mg/m2", {"every": "3 weeks", "count": 4, "over": "30 min", "days": (1, 8)}),
    "radiotherapy": ("2 Gy", {"every": "1 day", "count": 30, "start": "1 week", "weekdays": True}),
}
"""Usual doses of the drugs that an arm's name may mention."""
_FILES = {
    **dict.fromkeys(("pembrolizumab", "nivolumab", "atezolizumab", "durvalumab"), "pd1_inhibitor"),
    "ipilimumab": "ctla4_inhibitor",
}
_ADDED = ("pembrolizumab", "radiotherapy")
VARIED = ("growth_rate",)
PERSONAL = ("kill_rate",)
SIMULATED = "The data are simulated from the package's own models: they say nothing about these drugs in patients."


@dataclass(frozen=True)
class Result:
    """What the demonstration made: the fit, the scenarios and the files."""

    fit: Any
    comparison: Any
    files: tuple[Path, ...]


def run(data: str | Path | None = None, out: str | Path = "build/demo", arms: Mapping[str, str] | None = None,
        progress: bool = True) -> Result:  # fmt: skip
    """Fit, draw, and leave figures and a report.

    Parameters
    ----------
    data : path, optional
        A table with the columns subject, arm, day (or time) and sum_of_diameters (or value), in mm; or of lesions, as
        `read_lesions` takes it. Default: the simulated example trial.
    out : path
        Folder for the figures and `report.html`.
    arms : mapping, optional
        Treatment of arms whose names do not say it: {"B": "docetaxel + pembrolizumab"}; "" is untreated.
    progress : bool
        Show a progress bar.

    Raises
    ------
    DataError
        If the table cannot be used, or an arm in `arms` is not in it.
    """
    from tqdm.auto import tqdm

    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(total=4, desc="demo: reading", disable=not progress) as bar:
        trial = load_example() if data is None else _read(Path(data))
        drugs = treatments(trial.arms, arms or {})
        model = model_for({d for found in drugs.values() for d in found})
        _step(bar, "fitting")
        regimens = {arm: regimen_of(found) for arm, found in drugs.items()}
        result = fit(model, trial, VARIED, per_subject=PERSONAL, regimens=regimens, error=_errors(trial),
                     progress=None if progress else False)  # fmt: skip
        _step(bar, "scenarios")
        comparison = compare(_typical(model, result), scenarios(drugs), until="1 year")
        _step(bar, "drawing")
        files = _write(folder, trial, drugs, result, comparison, simulated=data is None)
        bar.update()
        bar.set_description("demo: done")
    return Result(result, comparison, files)


def _step(bar: Any, what: str) -> None:
    bar.update()
    bar.set_description(f"demo: {what}")


def _read(path: Path) -> Any:
    """Read a user's table: one lesion's diameter a row, or sums of diameters in mm, in a column of that name or in `value`."""
    if is_lesion_table(path):
        return read_lesions(path)
    with_value = (
        path.suffix in (".csv", ".txt")
        and path.is_file()
        and "sum_of_diameters" in path.read_text(errors="replace")[:4000]
    )
    try:
        return read_trial(path, {"value": "sum_of_diameters"}, "mm") if with_value else read_trial(path)
    except DataError as error:
        lost = [p for p in error.problems if p.right.startswith("say columns=")]
        if not lost:
            raise
        right = "head the columns in the file subject, arm, day and sum_of_diameters (in mm)"
        raise DataError([*(p for p in error.problems if p not in lost), *(replace(p, right=right) for p in lost)]) from error


def _errors(trial: Any) -> str:
    """Return how observations scatter: by a share of what is predicted, and by a length too where lesions vanished."""
    return "combined" if (trial.frame["value"] == 0).any() else "proportional"


def treatments(arms: tuple[str, ...], said: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the drugs of each arm: what was said of it, else what its name mentions."""
    unknown = [Problem(f"arm {a!r}", "is not in the data", nearest(a, arms)) for a in said if a not in arms]
    names = {arm: said.get(arm, arm).lower() for arm in arms}
    for arm, text in said.items():
        words = [w for w in re.split(r"[\s+,;/&]+", text.lower()) if w and w not in ("and", "untreated", "placebo")]
        unknown += [
            Problem(f"treatment of arm {arm!r}", f"{w!r} is not known", nearest(w, STANDARD))
            for w in words
            if w not in STANDARD
        ]
    if unknown:
        raise DataError(unknown)
    return {arm: tuple(drug for drug in STANDARD if drug in text) for arm, text in names.items()}


def model_for(drugs: set[str]) -> Model:
    """Return the base model with some drugs, and those that the scenarios add."""
    return combine("tumour_immune", *(_drug(d) for d in sorted(drugs | set(_ADDED))))


def _drug(name: str) -> Model:
    return (
        load_model("radiotherapy")
        if name == "radiotherapy"
        else load_model(_FILES.get(name, "chemotherapy"), variant=name)
    )


def regimen_of(drugs: tuple[str, ...]) -> Regimen:
    """Return some drugs at their usual doses."""
    return reduce(add, (Regimen().dose(d, STANDARD[d][0], **STANDARD[d][1]) for d in drugs), Regimen())


def scenarios(drugs: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return untreated, each drug of the trial, all of them, and what pembrolizumab and radiotherapy would add."""
    used = tuple(d for d in STANDARD if any(d in found for found in drugs.values()))
    rows: list[tuple[str, ...]] = [
        (),
        *((d,) for d in used[:3]),
        used,
        *(tuple(dict.fromkeys([*used, a])) for a in _ADDED),
    ]
    return {" + ".join(row) or "untreated": regimen_of(row) if row else None for row in dict.fromkeys(rows)}


def _typical(model: Model, result: Any) -> Model:
    """Return the model of a typical patient: what is shared as fitted, the median of what is not."""
    own = result.individual()
    values = {name: float(own[name].median()) for name in (*VARIED, *PERSONAL) if name in own}
    values |= {name: result.values[name] for name in VARIED if name in result.values}
    baseline = "baseline_sum_of_diameters"
    values |= {baseline: float(own[baseline].median())} if baseline in own else {}
    return model.with_values(**values)


def _write(
    folder: Path, trial: Any, drugs: Mapping[str, tuple[str, ...]], result: Any, comparison: Any, simulated: bool
) -> tuple[Path, ...]:
    import numpy as np

    figures = {
        "fit": ("The fit: observations and fitted curves, an arm a panel", np.ravel(result.plot(by="arm"))[0].figure),
        "residuals": ("Residuals and observed against predicted", np.ravel(result.plot_residuals())[0].figure),
        "scenarios": (
            "What combinations would do for a typical patient of the trial",
            comparison.plot()["size"].figure,
        ),
    }
    images = {name: (title, png(figure)) for name, (title, figure) in figures.items()}
    files = []
    for name, (_, data) in images.items():
        files.append(folder / f"{name}.png")
        write_whole(files[-1], data, overwrite=True)
    arms = "; ".join(f"{arm}: {' + '.join(found) or 'taken as untreated'}" for arm, found in drugs.items())
    sections = [
        Section(
            "Data",
            paragraph(str(trial))
            + paragraph(f"Arms: {arms}.")
            + (paragraph(SIMULATED, note=True) if simulated else ""),
        )
    ]
    sections += [Section(title, image(data, title)) for title, data in images.values()]
    sections.append(Section("Scenarios in numbers", comparison._repr_html_()))
    sections.append(Section("Report of the fit", preformatted(result.report())))
    files.append(folder / "report.html")
    write_whole(files[-1], page("immunoode: a model fitted to trial data, and combinations", sections), overwrite=True)
    return tuple(files)
