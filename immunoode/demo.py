"""The main job, end to end: fit a model to trial data, then show what combinations would do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from immunoode.arm_names import Treatment, advice, treatment_of
from immunoode.atomic import write_whole
from immunoode.errors import DataError, Problem, nearest
from immunoode.fitting.fit import fit
from immunoode.model.combine import combine
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.regimen.regimen import Regimen
from immunoode.report import Section, image, page, paragraph, png, preformatted
from immunoode.scenario.compare import compare
from immunoode.trial.example import load_example
from immunoode.trial.lesion_table import is_lesion_table, read_lesions
from immunoode.trial.long_table import read_trial

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
"""Usual doses of the drugs that the name of an arm may mention."""
_FILES = {
    **dict.fromkeys(("pembrolizumab", "nivolumab", "atezolizumab", "durvalumab"), "pd1_inhibitor"),
    "ipilimumab": "ctla4_inhibitor",
}
_ADDED = ("pembrolizumab", "radiotherapy")
VARIED = ("growth_rate",)
PERSONAL = ("kill_rate",)
_PYTHON = re.compile(r"\w=|\w\(")
_LARGE_ERROR = 0.5
"""Of a value: with more, the data hardly determine it."""
SIMULATED = (
    "The data are simulated from the package's own models: they say nothing about the effect of these drugs in patients."
)


@dataclass(frozen=True)
class Result:
    """The result of the demonstration.

    Attributes
    ----------
    fit : FitResult
    comparison : Comparison
        The scenarios.
    files : tuple of Path
    arms : str
        How each arm was interpreted.
    uncertain : tuple of str
        Fitted values that the data do not determine, although the scenarios depend on them.
    """

    fit: Any
    comparison: Any
    files: tuple[Path, ...]
    arms: str
    uncertain: tuple[str, ...]


def run(
    data: str | Path | None = None, out: str | Path = "build/demo", arms: Mapping[str, str] | None = None, progress: bool = True
) -> Result:
    """Fit, draw, and leave figures and a report.

    Parameters
    ----------
    data : path, optional
        A table with the columns subject, arm, day (or time) and sum_of_diameters (or value), in mm; or of lesions, as
        `imo.trial.read_lesions` takes it. Default: the simulated example trial.
    out : path
        Folder for the figures and `report.html`.
    arms : mapping, optional
        Treatment of arms whose names do not say it: {"B": "docetaxel + pembrolizumab", "C": "untreated"}.
    progress : bool
        Show a progress bar.

    Raises
    ------
    DataError
        If the table cannot be used, an arm in `arms` is not in it, or it is not clear how an arm was treated.
    """
    from tqdm.auto import tqdm

    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(total=4, desc="demo: reading", disable=not progress) as bar:
        trial = load_example() if data is None else _read(Path(data))
        given = treatments(trial.arms, arms or {})
        drugs = {arm: treatment.drugs for arm, treatment in given.items()}
        model = model_for({d for found in drugs.values() for d in found})
        _step(bar, "fitting")
        regimens = {arm: regimen_of(found) for arm, found in drugs.items()}
        result = fit(
            model,
            trial,
            VARIED,
            per_subject=PERSONAL,
            regimens=regimens,
            error=_errors(trial),
            progress=None if progress else False,
        )
        _step(bar, "scenarios")
        comparison = compare(_typical(model, result), scenarios(drugs), until="1 year")
        _step(bar, "drawing")
        files = _write(folder, trial, given, result, comparison, simulated=data is None)
        bar.update()
        bar.set_description("demo: done")
    return Result(result, comparison, files, in_words(given), uncertain(result))


def _step(bar: Any, what: str) -> None:
    bar.update()
    bar.set_description(f"demo: {what}")


def _read(path: Path) -> Any:
    """Read a table: one row per lesion with its diameter, or sums of diameters in mm, in a column of that name or `value`."""
    if is_lesion_table(path):
        return read_lesions(path)
    with_value = (
        path.suffix in (".csv", ".txt")
        and path.is_file()
        and "sum_of_diameters" in path.read_text(encoding="utf-8", errors="replace")[:4000]
    )
    try:
        return read_trial(path, {"value": "sum_of_diameters"}, "mm") if with_value else read_trial(path)
    except DataError as error:
        raise DataError(_for_a_file(p) for p in error.problems) from error


def _for_a_file(problem: Problem) -> Problem:
    """Return a problem whose advice is about the file instead of the arguments of a Python function."""
    right = "head the columns in the file subject, arm, day and sum_of_diameters (in mm)"
    return replace(problem, right=right) if _PYTHON.search(problem.right) else problem


def _errors(trial: Any) -> str:
    """Return the residual error model: proportional, or combined if lesions vanished."""
    return "combined" if (trial.frame["value"] == 0).any() else "proportional"


class UnclearArms(DataError):
    """Arms whose names do not say how they were treated."""


def treatments(arms: tuple[str, ...], said: Mapping[str, str]) -> dict[str, Treatment]:
    """Return the treatment of each arm: as stated, otherwise as mentioned in its name.

    Raises
    ------
    UnclearArms
        If a name, or a stated treatment, is not fully recognised, because no arm may count as untreated only for lack of a
        known word.
    """
    absent = [Problem(f"arm {a!r}", "is not in the data", nearest(a, arms)) for a in said if a not in arms]
    found = {arm: treatment_of(said.get(arm, arm), STANDARD) for arm in arms}
    unclear = [_unclear(arm, said.get(arm), t.unclear) for arm, t in found.items() if t.unclear]
    if absent or unclear:
        raise UnclearArms([*absent, *unclear])
    return found


def _unclear(arm: str, said: str | None, part: str) -> Problem:
    drugs, none = (shlex.quote(f"{arm}={what}") for what in ("pembrolizumab + radiotherapy", "untreated"))
    right = f"say --arm {drugs}, with its drugs, or --arm {none}"
    if said is None:
        return Problem(f"arm {arm!r}", f"{part!r} says no treatment", f"{right}; {advice(part, STANDARD)}")
    return Problem(f"treatment of arm {arm!r}", f"{part!r} is not known", advice(part, STANDARD))


def model_for(drugs: set[str]) -> Model:
    """Return the base model with some drugs, and those that the scenarios add."""
    return combine("tumour_immune", *(_drug(d) for d in sorted(drugs | set(_ADDED))))


def _drug(name: str) -> Model:
    return load_model("radiotherapy") if name == "radiotherapy" else load_model(_FILES.get(name, "chemotherapy"), variant=name)


def regimen_of(drugs: tuple[str, ...]) -> Regimen:
    """Return some drugs at their usual doses."""
    return reduce(add, (Regimen().dose(d, STANDARD[d][0], **STANDARD[d][1]) for d in drugs), Regimen())


def scenarios(drugs: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return untreated, each drug of the trial, all of them, and what pembrolizumab and radiotherapy would add."""
    used = tuple(d for d in STANDARD if any(d in found for found in drugs.values()))
    rows: list[tuple[str, ...]] = [(), *((d,) for d in used[:3]), used, *(tuple(dict.fromkeys([*used, a])) for a in _ADDED)]
    return {" + ".join(row) or "untreated": regimen_of(row) if row else None for row in dict.fromkeys(rows)}


def in_words(given: Mapping[str, Treatment]) -> str:
    """Return how each arm was interpreted."""
    return "; ".join(
        f"{arm}: {' + '.join(t.drugs) or 'untreated'}" + (f" ({', '.join(t.notes)})" if t.notes else "")
        for arm, t in given.items()
    )


def uncertain(result: Any) -> tuple[str, ...]:
    """Return the fitted values whose standard error is more than half of them or missing, and the warnings of the fit."""
    table = result.to_frame()
    share = (table["standard_error"].astype(float) / table["value"].abs()).where(table["value"] != 0)
    found = []
    for name in VARIED:
        error = float(share.get(name, float("nan")))
        if not error <= _LARGE_ERROR:
            known = "no standard error" if error != error else f"standard error {error:.0%}"
            found.append(f"{name} = {table.loc[name, 'value']:.3g} {table.loc[name, 'unit']}, {known}")
    for name in PERSONAL:
        own = share[[key.startswith(f"{name}__") for key in share.index]]
        weak = int((~(own <= _LARGE_ERROR)).sum())
        if weak:
            found.append(f"{name} of {weak} of {len(own)} subjects, standard error above {_LARGE_ERROR:.0%} or none")
    return tuple(found)


def _typical(model: Model, result: Any) -> Model:
    """Return the model of a typical patient: the fitted values of shared parameters, the medians of the others."""
    own = result.individual()
    values = {name: float(own[name].median()) for name in (*VARIED, *PERSONAL) if name in own}
    values |= {name: result.values[name] for name in VARIED if name in result.values}
    baseline = "baseline_sum_of_diameters"
    values |= {baseline: float(own[baseline].median())} if baseline in own else {}
    return model.with_values(**values)


def _write(
    folder: Path, trial: Any, given: Mapping[str, Treatment], result: Any, comparison: Any, simulated: bool
) -> tuple[Path, ...]:
    import numpy as np

    figures = {
        "fit": ("The fit: observations and fitted curves, one panel per arm", np.ravel(result.plot(by="arm"))[0].figure),
        "residuals": ("Residuals and observed against predicted", np.ravel(result.plot_residuals())[0].figure),
        "scenarios": ("Predicted effect of combinations in a typical patient of the trial", comparison.plot()["size"].figure),
    }
    images = {name: (title, png(figure)) for name, (title, figure) in figures.items()}
    files = []
    for name, (_, data) in images.items():
        files.append(folder / f"{name}.png")
        write_whole(files[-1], data, overwrite=True)
    sections = [
        Section(
            "Data",
            paragraph(str(trial))
            + paragraph(f"Arms: {in_words(given)}.")
            + (paragraph(SIMULATED, note=True) if simulated else ""),
        )
    ]
    sections += [Section(title, image(data, title)) for title, data in images.values()]
    doubts = "".join(paragraph(f"The data do not determine {what}.", note=True) for what in uncertain(result))
    sections.append(Section("Scenarios in numbers", doubts + comparison._repr_html_()))
    sections.append(Section("Report of the fit", preformatted(result.report())))
    files.append(folder / "report.html")
    write_whole(files[-1], page("immunoode: a model fitted to trial data, and combinations", sections), overwrite=True)
    return tuple(files)
