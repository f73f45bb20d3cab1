"""The code of a state: a script of public functions that makes the same numbers."""

from __future__ import annotations

from immunoode.explorer.dose_rows import dose_arguments
from immunoode.explorer.line_breaks import broken
from immunoode.explorer.patients import moved_code
from immunoode.explorer.setting import Setting
from immunoode.explorer.simulations import COHORT_RTOL, Span
from immunoode.explorer.state import DoseRow, EditedRegimen, ExplorerState


def code_of(setting: Setting, state: ExplorerState, span: Span) -> str:
    """Return the script of a state that has no problems."""
    blocks = [_head(setting), _regimens(state), _runs(setting, state, span)]
    if setting.patients is not None and setting.measures_diameters and len(span.visits) > 1:
        blocks.append(_cohort(setting, state, span))
    return "\n\n".join(blocks) + "\n"


def _head(setting: Setting) -> str:
    lines = ["import immunoode as imo"]
    code = setting.patients.code if setting.patients is not None and setting.measures_diameters else ""
    if "PopulationDistribution" in code:
        lines.append("from immunoode.virtual_population import LogNormal, PopulationDistribution")
    lines.append("")
    lines.append(
        broken(f"model = {setting.model_code}") if setting.model_code else "# model: the model that was given to imo.explore"
    )
    return "\n".join(lines)


def _regimens(state: ExplorerState) -> str:
    lines = [f"    {edited.name!r}: {_regimen(edited)}," for edited in state.regimens]
    return "\n".join(["regimens = {", *lines, "}"])


def _regimen(edited: EditedRegimen) -> str:
    if not edited.rows:
        return "None"
    calls = [_dose(row) for row in edited.rows]
    if len(calls) == 1:
        return f"imo.Regimen(){calls[0]}"
    inner = "".join(f"\n        {call}" for call in calls)
    return f"(\n        imo.Regimen(){inner}\n    )"


def _dose(row: DoseRow) -> str:
    amount, keywords = dose_arguments(row)
    given = "".join(f", {name}={value!r}" for name, value in keywords.items())
    return f".dose({row.therapy!r}, {amount!r}{given})"


def _values(setting: Setting, state: ExplorerState) -> dict[str, float]:
    """Return the values that differ from the model's."""
    changed = {n: float(v) for n, v in state.parameters.items() if v != setting.model.constants[n].value}
    kept = {n: v for n, v in setting.values.items() if n not in state.parameters}
    return {**kept, **changed}


def _runs(setting: Setting, state: ExplorerState, span: Span) -> str:
    outputs = tuple(dict.fromkeys([setting.measure, *state.outputs]))
    options = "parameters=parameters, outputs=outputs" + _start(span)
    lines = [
        broken(f"parameters = {_values(setting, state)!r}"),
        broken(f"outputs = {list(outputs)!r}"),
        "runs = {",
        f"    name: imo.simulate(model, regimen, {span.end!r}, {options})",
        "    for name, regimen in regimens.items()",
        "}",
        f"print({{name: run[{setting.measure!r}][-1] for name, run in runs.items()}})",
    ]
    return "\n".join(lines)


def _start(span: Span) -> str:
    return f", start={span.start!r}" if span.start else ""


def _cohort(setting: Setting, state: ExplorerState, span: Span) -> str:
    patients = setting.patients
    assert patients is not None
    lines = [f"# {patients.description}"]
    lines.append(
        broken(f"patients = {patients.code}")
        if patients.code
        else "# patients: a copy of the table that was given to imo.explore"
    )
    lines += [f"patients[{n!r}] = {v!r}" for n, v in setting.values.items() if n not in patients.parameters]
    for name, value in state.parameters.items():
        slider = setting.slider(name)
        if name not in patients.parameters:
            lines += [f"patients[{name!r}] = {float(value)!r}"] if value != setting.model.constants[name].value else []
        elif value != slider.value:
            lines.append(moved_code(slider, float(value), name))
    scale = "" if setting.to_millimetres == 1 else f" * {setting.to_millimetres!r}"
    measure = setting.measure
    lines += [
        f"visits = imo.virtual_trial.VisitSchedule({float(span.visits[1])!r}, {span.end!r}).days()",
        "outcomes = {}",
        "for name, regimen in regimens.items():",
        "    courses = imo.simulate(",
        f"        model, regimen, times=visits, parameters=patients, outputs={measure!r}, rtol={COHORT_RTOL!r}, progress=False"
        + _start(span)
        + ",",
        "    )",
        f"    sizes = courses[{measure!r}]{scale}",
        "    outcomes[name] = imo.virtual_trial.evaluate_outcomes(visits, sizes, index=patients.index)",
        "cohort = imo.virtual_population.Cohort(",
        "    imo.virtual_population.VirtualPatients(patients, outcomes), [1.0] * len(patients)",
        ")",
        "survival = {name: cohort.survival(name) for name in regimens}  # progression-free survival",
        "print({name: cohort.median(name) for name in regimens})  # days",
    ]
    return "\n".join(lines)
