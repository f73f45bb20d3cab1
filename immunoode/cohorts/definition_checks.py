"""Checks of a definition as a whole: the names of models, arms and outputs that its tables refer to."""

from __future__ import annotations

from collections.abc import Iterator

from immunoode.cohorts.arm_patients import parameter_problems
from immunoode.cohorts.definition import CohortArm, CohortDefinition
from immunoode.cohorts.published import PublishedStatistic
from immunoode.errors import nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.file_problems import FileProblems
from immunoode.model.model import Model
from immunoode.solve.simulate import schedules_of
from immunoode.virtual_population.model_bounds import unit_factors
from immunoode.virtual_population.targets.subgroup import SubgroupTarget

OF_OUTCOMES = ("baseline", "best_change", "best_response", "time_to_response", "pfs_time", "os_time", "duration_of_response")


def check_definition(made: CohortDefinition, problems: FileProblems) -> None:
    """Collect the problems of models, arms and statistics; if models are wrong, the rest is not checked."""
    if not made.models:
        problems.add("models", "are empty", 'at least one: models = ["tumour_immune"]')
    if not made.targets:
        problems.add("targets", "are missing", "at least one [[targets]]")
    for one in (*made.targets, *made.held_out):
        _check_arms(one, made, problems)
    with problems.at("models"):
        whole = resolve(made.whole_model)
        with problems.at("parameters, covariates"):
            unit_factors(made.prior.units, whole)
        _check_criteria(made, problems)
        for one in (*made.targets, *made.held_out):
            _check_subgroup(one, made, problems)
    for arm in made.arms.values():
        _check_arm(arm, made, problems)


def _check_arm(arm: CohortArm, made: CohortDefinition, problems: FileProblems) -> None:
    place = f"arms.{arm.name}"
    with problems.at(f"{place}.models"):
        model = resolve(made.model_with(arm.models))
        _check_doses(arm, model, place, problems)
        for one in parameter_problems(arm.patients, model):
            problems.add(f"{place}.patients", f"{one.where}: {one.what}", one.right)
        for output in arm.how.observation.outputs:
            if output not in model.output_units:
                right = nearest(output, model.output_units)
                problems.add(f"{place}: observation", f"{output!r} is not an output of the model", right)
    doses = arm.regimen.to_frame()["time_day"] if arm.regimen and arm.regimen.rules else ()
    if len(doses) and min(doses) < arm.start:
        problems.add(place, f"gives a dose on day {min(doses):g}", f"start = {min(doses):g}, or an earlier day")


def _check_doses(arm: CohortArm, model: ClosedModel, place: str, problems: FileProblems) -> None:
    unknown = [therapy for therapy in (arm.regimen.therapies if arm.regimen else ()) if therapy not in model.input_units]
    for therapy in unknown:
        right = nearest(therapy, model.input_units) or "models = [...], the model that takes it"
        problems.add(place, f"gives {therapy!r}, which no model of the arm takes", right)
    if arm.regimen and not unknown:
        with problems.at(f"{place}: doses"):
            schedules_of(arm.regimen, model, model.values[None, :])


def _check_criteria(made: CohortDefinition, problems: FileProblems) -> None:
    for k, one in enumerate(made.plausibility):
        place = f"plausibility[{k}]"
        if one.arm and one.arm not in made.arms:
            problems.add(f"{place}.arm", f"{one.arm!r} is not an arm of the file", nearest(one.arm, made.arms))
            continue
        model = resolve(_model_of(one.arm, made))
        known = [*model.output_units, *model.constants]
        if one.output not in known:
            problems.add(f"{place}.output", f"{one.output!r} is neither an output nor a parameter", nearest(one.output, known))
        if one.needs_course and one.between is None and one.output not in model.constants:
            problems.add(place, "applies to a whole time course, but there is no end", "until = '1 year', or at or between")
        if one.output in known:
            units = {**model.output_units, **{name: parameter.unit for name, parameter in model.constants.items()}}
            with problems.at(place):
                one.limits(units[one.output])


def _model_of(arm: str, made: CohortDefinition) -> Model:
    return made.model_with(made.arms[arm].models) if arm else made.model


def _check_arms(one: PublishedStatistic, made: CohortDefinition, problems: FileProblems) -> None:
    for arm in one.needed_arms:
        if arm not in made.arms:
            problems.add(one.place, f"{arm!r} is not an arm of the file", nearest(arm, made.arms))


def _check_subgroup(one: PublishedStatistic, made: CohortDefinition, problems: FileProblems) -> None:
    differing = {name for arm in one.needed_arms if arm in made.arms for name in made.arms[arm].patients}
    for name in _columns(one):
        if name in differing:
            right = "the patients of the arm restricted to the subgroup"
            problems.add(
                f"{one.place}.among", f"{name!r} differs between the patients of the arm and those of the cohort", right
            )
        known = [*made.prior.names, *OF_OUTCOMES]
        if name not in known:
            right = nearest(name, known)
            problems.add(f"{one.place}.among", f"{name!r} is neither a drawn parameter nor an outcome", right)


def _columns(one: PublishedStatistic) -> Iterator[str]:
    yield from one.target.among if isinstance(one.target, SubgroupTarget) else ()
