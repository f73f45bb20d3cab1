"""What people get wrong, and what they are told: where it is, what is wrong, what would be right.

One row a mistake. Every row must end in one of the package's own errors whose text has all the phrases; nothing may end in a
traceback of another library, a crash of the interpreter, or a silent loss of data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import immunoode as imo


def drawn(**how: Any) -> Any:
    """Return a figure of a regimen."""
    return imo.load_regimen("pembrolizumab_3_weekly").plot(**how)


@cache
def treated() -> imo.Model:
    """Return a tumour under pembrolizumab."""
    return imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))


def dose(**changes: Any) -> imo.Regimen:
    """Return a regimen with something changed."""
    how: dict[str, Any] = {"therapy": "pembrolizumab", "amount": "200 mg", "every": "3 weeks", "count": 3} | changes
    return imo.Regimen().dose(**how)


def run(regimen: Any = None, **options: Any) -> imo.Simulation:
    return imo.simulate(treated(), regimen, **({"until": 3} | options))


def grid(**changes: Any) -> imo.scenario.Grid:
    how: dict[str, Any] = {"regimen_of": lambda a, b: None, "axes": {"a": [1], "b": [1]}, "until": 3} | changes
    return imo.scenario.grid(treated(), **how)


def records(time_unit: str = "hour", covariates: Any = (), **changes: Any) -> Any:
    """Read two event records with columns changed, or left out (None)."""
    columns: dict[str, Any] = {"ID": [1, 1], "TIME": [0, 24], "AMT": [200, 100], "CMT": [1, 1]}
    frame = pd.DataFrame({name: values for name, values in (columns | changes).items() if values is not None})
    return imo.io.read_records(frame, {1: "pembrolizumab"}, time_unit=time_unit, covariates=covariates)  # type: ignore[arg-type]


WRONG_CALLS: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    # models
    "American spelling": (lambda: imo.load_model("tumor_immune"), imo.errors.ModelError, ("'tumor_immune'", "'tumour_immune'")),
    "variant for a model": (
        lambda: imo.load_model("nivolumab"),
        imo.errors.ModelError,
        ("'nivolumab'", "load_model('pd1_inhibitor', variant='nivolumab')"),
    ),
    "unknown variant": (
        lambda: imo.load_model("pd1_inhibitor", variant="pembro"),
        imo.errors.ModelError,
        ("pd1_inhibitor", "'pembro'", "'pembrolizumab'"),
    ),
    "instance that is no name": (
        lambda: imo.load_model("pd1_inhibitor", instance="my drug"),
        imo.errors.ModelError,
        ("'my drug'", "letters, digits and _"),
    ),
    "no such file": (
        lambda: imo.read_model("no/such.toml"),
        imo.errors.ModelError,
        ("such.toml", "cannot be read", "path of a .toml"),
    ),
    "nothing to combine": (lambda: imo.combine(), imo.errors.ModelError, ("combine", "no model", "for example")),
    "a number to combine": (lambda: imo.combine(3), imo.errors.ModelError, ("combine", "3", "a Model, or the name")),
    "one model twice": (
        lambda: imo.combine(treated(), imo.load_model("pd1_inhibitor", variant="pembrolizumab")),
        imo.errors.ModelError,
        ("'pembrolizumab'", "instance="),
    ),
    "therapy without a tumour": (
        lambda: imo.simulate("pd1_inhibitor", until=3),
        imo.errors.ModelError,
        ("needs 'checkpoint_brake'", "combine it with", "'tumour_immune'"),
    ),
    "unknown parameter": (lambda: treated().with_values(growthrate=1), imo.errors.ModelError, ("growthrate", "'growth_rate'")),
    "value that is no number": (
        lambda: treated().with_values(growth_rate=float("nan")),
        imo.errors.ModelError,
        ("growth_rate", "nan", "finite", "1/day"),
    ),
    "models in a list": (lambda: imo.load_model(["claret2009"]), imo.errors.ModelError, ("['claret2009']", "is not a name")),  # type: ignore[arg-type]
    "name of no model": (lambda: imo.load_model(None), imo.errors.ModelError, ("None", "is not a name")),  # type: ignore[arg-type]
    "citation of nothing": (lambda: imo.cite(None), imo.errors.ModelError, ("cite", "None", "a Model")),  # type: ignore[arg-type]
    "writing nothing": (lambda: imo.save_model(None, "a.toml"), imo.errors.ModelError, ("save_model", "None")),  # type: ignore[arg-type]
    "file without a path": (lambda: imo.read_model(""), imo.errors.ModelError, ("read_model", "''", ".toml")),
    "fit without a path": (lambda: imo.load_fit(None), imo.errors.FitError, ("load_fit", "None", ".save()")),  # type: ignore[arg-type]
    "nothing to describe": (
        lambda: imo.describe(None),
        imo.errors.ImmunoodeError,
        ("None", "neither a name", "'pd1_inhibitor'"),
    ),
    "foreign object": (lambda: imo.describe(pd.DataFrame), imo.errors.ImmunoodeError, ("neither a name", "of this package")),
    "empty description": (lambda: imo.describe(" "), imo.errors.ImmunoodeError, ("the name is empty", "'Keytruda'")),
    "empty variant": (lambda: imo.load_model("pd1_inhibitor", ""), imo.errors.ModelError, ("no variant ''", "nivolumab")),
    "empty instance": (
        lambda: imo.load_model("pd1_inhibitor", instance=""),
        imo.errors.ModelError,
        ("instance is empty", "a name, or None"),
    ),
    "search without words": (lambda: imo.list_models("---"), imo.errors.DataError, ("search", "'---'", "words")),
    "end in words": (
        lambda: imo.simulate("claret2009", until="tomorrow"),
        imo.errors.UnitError,
        ("until", "time 'tomorrow'", "'3 weeks'"),
    ),
    "output twice": (
        lambda: imo.simulate("claret2009", until=3, outputs=["size", "size"]),
        imo.errors.SolveError,
        ("output 'size'", "stated twice"),
    ),
    # figures
    "style in a list": (lambda: imo.style(["paper"]), imo.errors.DataError, ("style", "['paper']", "did you mean")),  # type: ignore[arg-type]
    "width alone": (lambda: drawn(figsize=3), imo.errors.DataError, ("figsize", "is 3", "(6.4, 4)")),
    "negative width": (lambda: drawn(figsize=(-1, 3)), imo.errors.DataError, ("figsize", "(-1, 3)", "inches")),
    "no height": (lambda: drawn(figsize=(3, 0)), imo.errors.DataError, ("figsize", "(3, 0)", "inches")),
    "width in words": (lambda: drawn(figsize="big"), imo.errors.DataError, ("figsize", "'big'", "inches")),
    "size of given axes": (
        lambda: drawn(ax=plt.subplots()[1], figsize=(3, 2)),
        imo.errors.DataError,
        ("figsize", "ax=", "where the figure is made"),
    ),
    "number for axes": (lambda: drawn(ax=3), imo.errors.DataError, ("ax", "is 3", "Axes of matplotlib")),
    # tables
    "columns in words": (
        lambda: imo.read_trial(pd.DataFrame({"Mouse ID": [1]}), columns="Mouse ID"),  # type: ignore[arg-type]
        imo.errors.DataError,
        ("columns", "'Mouse ID'", "columns by role"),
    ),
    "wide table as a long one": (
        lambda: imo.read_trial(pd.DataFrame({"Mouse ID": ["a"], "Day 0": [80.0], "Day 3": [120.0]})),
        imo.errors.DataError,
        ("looks like a wide table", "2 times", "imo.trial.read_wide"),
    ),
    "decimal comma": (
        lambda: imo.read_trial(pd.DataFrame({"Mouse ID": ["a"], "Day": [0], "Volume (mm3)": ["1759,1"]})),
        imo.errors.DataError,
        ("'1759,1'", "a point in place of the comma"),
    ),
    # regimens
    "unit of a dose": (lambda: dose(amount="200 mgg"), imo.errors.RegimenError, ("dose of pembrolizumab", "'mgg'", "'200 mg'")),
    "dose in words": (
        lambda: dose(amount="two hundred"),
        imo.errors.RegimenError,
        ("dose of pembrolizumab", "begin with a number"),
    ),
    "negative dose": (
        lambda: dose(amount="-200 mg"),
        imo.errors.RegimenError,
        ("dose of pembrolizumab", "negative", "zero or more"),
    ),
    "no dose": (
        lambda: dose(amount=None),
        imo.errors.RegimenError,
        ("dose of pembrolizumab", "is not an amount", "for example"),
    ),
    "doses without an interval": (lambda: dose(every=None), imo.errors.RegimenError, ("3 times without an interval", "every=")),
    "interval in mg": (lambda: dose(every="3 mg"), imo.errors.RegimenError, ("every='3 mg'", "'3 weeks'")),
    "no doses": (lambda: dose(count=0), imo.errors.RegimenError, ("count=0", "whole number from 1")),
    "half a dose": (lambda: dose(count=2.5), imo.errors.RegimenError, ("count=2.5", "whole number from 1")),
    "doses for ever": (lambda: dose(count=10**9), imo.errors.RegimenError, ("count=1000000000", "whole number from 1 to")),
    "infusion longer than its interval": (
        lambda: dose(over="4 weeks"),
        imo.errors.RegimenError,
        ("28 days", "21 days", "shorter over="),
    ),
    "day outside the cycle": (
        lambda: dose(days=(1, 28)),
        imo.errors.RegimenError,
        ("days=(1, 28)", "increasing days, from day 1 and within"),
    ),
    "start in words": (lambda: dose(start="monday"), imo.errors.RegimenError, ("start='monday'", "number of days")),
    "model for its name": (
        lambda: dose(therapy=treated()),
        imo.errors.RegimenError,
        ("is not the name of a therapy", "such as 'pembrolizumab'"),
    ),
    "rate of another kind": (
        lambda: dose(rate="1 mg/kg/h"),
        imo.errors.RegimenError,
        ("rate '1 mg/kg/h'", "not in mg per time", "'10 mg/h'"),
    ),
    "steady state of nothing repeated": (
        lambda: dose(count=1, every=None, steady_state=True),
        imo.errors.RegimenError,
        ("steady_state=True", "no interval", "every="),
    ),
    "covariate without its rule": (
        lambda: dose().set("weight", [80, 75], [0, 7], rule="last"),
        imo.errors.RegimenError,
        ("set of weight", "'last'", "'locf'", "'nocb'"),  # type: ignore[arg-type]
    ),
    "covariate with a unit": (
        lambda: dose().set("weight", "80 kg", 0, rule="locf"),
        imo.errors.RegimenError,
        ("'80 kg'", "without a unit"),
    ),  # type: ignore[arg-type]
    "factor in per cent": (
        lambda: dose().multiply("pembrolizumab", "50%", at=3),
        imo.errors.RegimenError,
        ("factor '50%'", "finite number"),
    ),  # type: ignore[arg-type]
    "replacement in gray": (
        lambda: run(dose().replace("pembrolizumab", "2 Gy", at=3)),
        imo.errors.RegimenError,
        ("replacement of", "'Gy'", "'mg'"),
    ),
    "schedule of unequal columns": (
        lambda: imo.regimen.Schedule(np.zeros(2), ("pembrolizumab",), np.ones(2), np.zeros(2)),
        imo.errors.RegimenError,
        ("inputs", "1 rows", "times has 2"),
    ),
    "unknown action": (
        lambda: imo.regimen.Schedule(np.zeros(1), ("pembrolizumab",), np.ones(1), np.zeros(1), ("mulitply",)),
        imo.errors.RegimenError,
        ("row 0", "'mulitply'", "did you mean 'multiply'"),
    ),
    # event records
    "records without amounts": (lambda: records(AMT=None), imo.errors.DataError, ("AMT", "is missing", "columns={'AMT': ...}")),
    "rate of no kind": (
        lambda: records(RATE=[-3, 0]),
        imo.errors.DataError,
        ("row 0 (subject 1)", "RATE -3", "-1 or -2", "duration"),
    ),
    "doses without their interval": (
        lambda: records(ADDL=[3, 0]),
        imo.errors.DataError,
        ("row 0 (subject 1)", "without an interval II"),
    ),
    "records out of order": (
        lambda: records(TIME=[24, 0]),
        imo.errors.DataError,
        ("row 1 (subject 1)", "TIME 0", "EVID 3 or 4"),
    ),
    "compartment that nobody named": (
        lambda: records(CMT=[2, 1]),
        imo.errors.DataError,
        ("row 0 (subject 1)", "CMT '2'", "1 (pembrolizumab)"),
    ),
    "records in weeks": (lambda: records(time_unit="week"), imo.errors.DataError, ("time_unit", "'week'", "'hour' or 'day'")),
    "covariates without a rule": (
        lambda: records(covariates={"CMT": "CMT"}),
        imo.errors.DataError,
        ("rule", "is missing", "as in NONMEM"),
    ),
    "regimen for a schedule": (
        lambda: imo.io.write_records({1: dose()}, time_unit="day"),
        imo.errors.RegimenError,
        ("subject 1", "a Regimen", "Regimen.schedule("),  # type: ignore[dict-item]
    ),
    "therapy that the model lacks": (
        lambda: run(dose(therapy="nivolumab")),
        imo.errors.RegimenError,
        ("dose of nivolumab", "input"),
    ),
    "gray of an antibody": (
        lambda: run(dose(amount="2 Gy")),
        imo.errors.RegimenError,
        ("dose of pembrolizumab", "'Gy'", "'mg'"),
    ),
    "dose before the start": (
        lambda: run(dose(start=-10)),
        imo.errors.SolveError,
        ("begins at day -10", "start=-10", ".shift()"),
    ),
    "unknown regimen": (
        lambda: imo.load_regimen("pembrolizumab"),
        imo.errors.RegimenError,
        ("'pembrolizumab'", "did you mean"),
    ),
    # simulations
    "therapy for a regimen": (lambda: run("pembrolizumab"), imo.errors.SolveError, ("regimen", "is str", "a Regimen")),
    "no end": (lambda: run(until=None), imo.errors.SolveError, ("needs either until or times", "until='1 year'")),
    "end before the start": (lambda: run(until=-3), imo.errors.SolveError, ("until", "day -3", "a later time")),
    "end in mg": (lambda: run(until="3 mg"), imo.errors.UnitError, ("'mg'", "'day'")),
    "end of the universe": (lambda: run(until="1e9 years"), imo.errors.SolveError, ("until", "at most", "times=")),
    "times out of order": (lambda: run(times=[0, 5, 3]), imo.errors.SolveError, ("times", "do not increase", "sort")),
    "no times": (lambda: run(times=[]), imo.errors.SolveError, ("times", "are empty", "for example")),
    "times before the start": (lambda: run(times=[-5, 0]), imo.errors.SolveError, ("times", "day -5", "start=")),
    "unknown engine": (lambda: run(engine="lsoda"), imo.errors.SolveError, ("engine", "'lsoda'", "compiled, scipy")),
    "tolerance of zero": (lambda: run(rtol=0), imo.errors.SolveError, ("rtol", "is 0", "between")),
    "negative tolerance": (lambda: run(atol=-1), imo.errors.SolveError, ("atol", "is -1", "positive")),
    "tolerances of other states": (
        lambda: run(atol=np.ones(99)),
        imo.errors.SolveError,
        ("atol", "shape (99,)", "one per state"),
    ),
    "no threads": (lambda: run(threads=0), imo.errors.SolveError, ("threads", "is 0", "from 1")),
    "unknown output": (lambda: run(outputs=["tumuor"]), imo.errors.SolveError, ("output 'tumuor'", "did you mean 'tumour'")),
    "no outputs": (lambda: run(outputs=[]), imo.errors.SolveError, ("outputs", "are empty", "known:")),
    "output that was not asked for": (
        lambda: run(outputs="tumour")["antigen"],
        imo.errors.SolveError,
        ("'antigen'", "simulation"),
    ),
    "unknown value": (lambda: run(parameters={"growthrate": 1}), imo.errors.SolveError, ("growthrate", "'growth_rate'")),
    "value in words": (lambda: run(parameters={"growth_rate": "fast"}), imo.errors.SolveError, ("growth_rate", "not a number")),
    "patient without a value": (
        lambda: run(parameters=pd.DataFrame({"growth_rate": [0.1, np.nan]})),
        imo.errors.SolveError,
        ("growth_rate", "row 1", "finite"),
    ),
    "no patients": (
        lambda: run(parameters=pd.DataFrame({"growth_rate": []})),
        imo.errors.SolveError,
        ("no rows", "one row per subject"),
    ),
    "list for parameters": (lambda: run(parameters=[1, 2]), imo.errors.SolveError, ("parameters", "are list", "a mapping")),
    "regimens for other patients": (
        lambda: run([dose(), dose()], parameters=pd.DataFrame({"growth_rate": [0.1] * 3})),
        imo.errors.SolveError,
        ("2 subjects", "for 3", "one regimen per subject"),
    ),
    "no model": (lambda: imo.simulate(None, until=3), imo.errors.SolveError, ("model", "NoneType", "name of a shipped one")),  # type: ignore[arg-type]
    # scenarios
    "no scenarios": (
        lambda: imo.compare(treated(), {}),
        imo.errors.SolveError,
        ("compare", "no scenarios", "a mapping such as"),
    ),
    "half a pair": (
        lambda: imo.compare(treated(), {"a": (None,)}),
        imo.errors.SolveError,
        ("scenario 'a'", "not a pair", "Regimen"),
    ),  # type: ignore[dict-item]
    "unknown measure": (
        lambda: imo.compare(treated(), {"a": None}, 3, measure="sum_of_diameter"),
        imo.errors.SolveError,
        ("'sum_of_diameters'",),
    ),
    "grid of one axis": (lambda: grid(axes={"a": [1]}), imo.errors.SolveError, ("grid", "1 axes", "two")),
    "grid of an unknown summary": (lambda: grid(summary="best"), imo.errors.SolveError, ("summary 'best'", "nadir")),
}


@pytest.mark.parametrize("mistake", WRONG_CALLS)
def test_wrong_calls(mistake: str) -> None:
    call, kind, phrases = WRONG_CALLS[mistake]
    with pytest.raises(kind) as error:
        call()
    assert isinstance(error.value, imo.errors.ImmunoodeError)
    says(error, phrases)


@pytest.mark.parametrize(("name", "value"), [("capacity", 0.0), ("weight", -5.0)])
@pytest.mark.parametrize("engine", ["compiled", "scipy"])
def test_values_that_cannot_be_solved_give_a_status(name: str, value: float, engine: str) -> None:
    with pytest.warns(RuntimeWarning, match="1 of 1 patients"):
        stopped = run(dose(), until=30, parameters={name: value}, engine=engine)
    assert not stopped.ok
    assert stopped.status[0].message and stopped.status[0].advice
    with pytest.raises(imo.errors.SolveError, match="stopped at day"):
        stopped.raise_for_status()


def says(error: pytest.ExceptionInfo[imo.errors.ImmunoodeError], phrases: tuple[str, ...]) -> None:
    """Check that a message has all phrases, and that each problem says where, what and (mostly) what is right."""
    text = str(error.value)
    assert [phrase for phrase in phrases if phrase not in text] == [], text
    assert all(problem.where and problem.what for problem in error.value.problems)
    assert len(text) < 3000


def test_a_message_tells_many_problems_that_are_alike_once() -> None:
    alike = [imo.errors.Problem(f"t, row {n}", "has EVID 10101", "0 to 4") for n in range(90)]
    error = imo.errors.DataError([*alike, imo.errors.Problem("t", "90 rows are invalid")])
    assert str(error).splitlines() == [
        "91 problems:",
        "  - t, row 0: has EVID 10101; 0 to 4 (and 89 more like it)",
        "  - t: 90 rows are invalid",
    ]
    assert len(error.problems) == 91


def test_a_message_tells_the_first_and_the_last_of_many_different_problems() -> None:
    lines = str(imo.errors.DataError([imo.errors.Problem(f"t, row {n}", f"has AMT -{n}") for n in range(90)])).splitlines()
    assert lines[1] == "  - t, row 0: has AMT -0" and lines[-1] == "  - t, row 89: has AMT -89" and len(lines) == 22
    assert lines[-2] == "  - and 70 more; all of them are in .problems"
