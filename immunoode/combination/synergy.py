"""`synergy`: comparison of two drugs together with four null models, for simulations, cohorts and animals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from immunoode.combination.argument_checks import repeated, sampling_problems
from immunoode.combination.cohort_arms import CohortArms
from immunoode.combination.effect_scale import scale_of
from immunoode.combination.growth_synergy import GrowthSynergy, growth_synergy
from immunoode.combination.loewe import LOEWE_COLUMNS, LoeweRequest, loewe_table
from immunoode.combination.parameter_draws import ParameterDraws, parameter_draws
from immunoode.combination.simulated_arms import SimulatedPair
from immunoode.combination.synergy_arguments import (
    inapplicable,
    loewe_days,
    loewe_problems,
    robust_problems,
    simulated_days,
    unknown_options,
)
from immunoode.combination.synergy_result import Synergy
from immunoode.errors import DataError, Problem
from immunoode.fitting.result import FitResult
from immunoode.model.model import Model
from immunoode.number_checks import confidence_problems
from immunoode.regimen.regimen import Regimen
from immunoode.scenario.compare import default_measure
from immunoode.solve.simulate import as_model
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients

OF_SIZES = ("log_size", "growth_rate", "killed")
OF_COHORTS = ("response_rate", "hazard")
OF_MODEL, OF_ANIMALS, OF_COHORT = "a model", "sizes of animals", "virtual patients"
ENDPOINT, LARGEST = "PFS", 1000.0
DRAWS, DRAWS_OF_RATES = 200, 20_000


def synergy(
    source: Any,
    first: Any,
    second: Any,
    combination: str | None = None,
    *,
    control: Any = None,
    until: str | float | None = None,
    times: Any = None,
    scale: str | None = None,
    measure: str | None = None,
    endpoint: str = ENDPOINT,
    parameters: Mapping[str, float] | None = None,
    uncertainty: Any = None,
    loewe: bool | Sequence[str | float] = True,
    loewe_draws: int = 0,
    largest_multiple: float = LARGEST,
    robust: bool = False,
    confidence: float = 0.95,
    draws: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Synergy | GrowthSynergy:
    """Compare the effect of two drugs together with the expectations of four null models.

    Parameters
    ----------
    source : Model, str, FitResult, TrialData, DataFrame, Cohort or VirtualPatients
        A model (or a fit of one), which is simulated; sizes of animals in four groups, to which a linear mixed model of growth
        is fitted; or virtual patients with the outcomes of four arms.
    first, second : Regimen or str
        For a model, the regimen of each drug; otherwise the names of the groups or arms with each drug alone.
    combination : str, optional
        The name of the group or arm with both drugs; not for a model, which receives both regimens.
    control : Regimen or str, optional
        For a model, the treatment that all arms receive in addition (none by default); otherwise the name of the untreated
        group or arm.
    until : str or float, optional
        End of the simulation.
    times : array of times, optional
        Output times of the simulation; 40 by default.
    scale : str, optional
        The definition of an effect. For sizes: "log_size" (default), "growth_rate", "killed" (fraction, relative to control).
        For virtual patients: "response_rate" (default), "hazard" (events of the endpoint per day at risk).
    measure : str, optional
        For a model, the output that is the tumour size; by default as in `imo.compare`. For data, the quantity.
    endpoint : str
        The endpoint for hazards of virtual patients.
    parameters : mapping, optional
        Values that differ from the model's.
    uncertainty : FitResult, Draws, DataFrame or Cohort, optional
        The source of uncertainty for bands: the covariance of a fit, its bootstrap or posterior, a table with one row of
        parameters per draw, or patients. If the source is a fit, that fit by default.
    loewe : bool or sequence of times
        Whether, or when, Loewe additivity is computed; by default at the end. Each time needs about sixty simulations.
    loewe_draws : int
        The number of draws for the limits of Loewe additivity, each of which needs about a hundred simulations.
    largest_multiple : float
        The largest multiple of a regimen in the search for the one that has the effect of both drugs.
    robust : bool
        For animals, whether to compute cluster-robust standard errors (CR2).
    confidence : float
    draws : int, optional
        The number of draws of parameters or patients (200 by default), or, for animals, of growth rates (20 000 by default).
    seed : int
    **options
        Options of the solver, as for `imo.simulate`: rtol, atol, method, extinction.

    Returns
    -------
    Synergy or GrowthSynergy
        GrowthSynergy for animals.

    Raises
    ------
    DataError, ModelError, RegimenError, SolveError
        Also if an argument is stated that does not apply to the source.

    Notes
    -----
    Burden is a quantity that should be small: size, one minus the response rate, hazard. Bliss expects that the factors by
    which the drugs change it multiply, the highest single agent expects the lower of the two burdens, response additivity
    expects that the changes add up, and Loewe expects that doses of the drugs can replace each other; see
    `docs/combinations.md`.

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", "pd1_inhibitor", "radiotherapy")
    >>> antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4)
    >>> radiation = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=5)
    >>> found = imo.synergy(model, antibody, radiation, until="12 weeks", loewe=False)
    >>> found.at()["null"].tolist()
    ['Bliss', 'highest single agent', 'response additivity']
    """
    count = draws if draws is not None else DRAWS
    problems = confidence_problems(confidence) + sampling_problems(count, seed) + robust_problems(robust)
    DataError.raise_if(problems + loewe_problems(loewe_draws, largest_multiple))
    simulated = {
        **{"until": until is not None, "times": times is not None, "parameters": bool(parameters)},
        **{"uncertainty": uncertainty is not None, "loewe": not isinstance(loewe, bool), "loewe_draws": bool(loewe_draws)},
        "largest_multiple": largest_multiple != LARGEST,
    }
    if isinstance(source, VirtualPatients):
        source = Cohort(source, source.prior)
    if isinstance(source, Cohort):
        given = simulated | {"measure": measure is not None, "robust": bool(robust)}
        DataError.raise_if(inapplicable(given, options, OF_COHORT, "scale=, endpoint=, confidence=, draws=, seed="))
        arms = CohortArms(source, _names(first, second, combination, control), endpoint)
        return _of_cohort(arms, scale or "response_rate", confidence, count, seed)
    if not isinstance(source, (Model, str, FitResult)):
        given = simulated | {"scale": scale is not None, "endpoint": endpoint != ENDPOINT}
        DataError.raise_if(inapplicable(given, options, OF_ANIMALS, "measure=, robust=, confidence=, draws=, seed="))
        groups = _names(first, second, combination, control)
        return growth_synergy(source, groups, measure, robust, confidence, draws or DRAWS_OF_RATES, seed)
    given = {"endpoint": endpoint != ENDPOINT, "robust": bool(robust)}
    DataError.raise_if(inapplicable(given, (), OF_MODEL, "leave it out") + unknown_options(options))
    _check_regimens(first, second, combination, control)
    if isinstance(source, FitResult):
        source, uncertainty = source.fitted_model(), source if uncertainty is None else uncertainty
    model = as_model(source)
    pair = SimulatedPair(
        *(model, first, second, control or Regimen(), measure or default_measure(model)),
        *(simulated_days(until, times), _values(parameters), {"rtol": 1e-8, **options}),
    )
    drawn = parameter_draws(uncertainty, count, seed)
    some = None if drawn is None else drawn.table.head(loewe_draws)
    wanted = LoeweRequest(loewe_days(loewe, pair.days), some, largest_multiple, confidence)
    return _of_model(pair, scale or "log_size", drawn, wanted)


def _values(parameters: Any) -> dict[str, float]:
    """Return values of parameters by name."""
    if parameters is not None and not isinstance(parameters, Mapping):
        right = "a mapping {'growth_rate': 0.01}; a table of draws is uncertainty="
        raise DataError(Problem("parameters", f"are {type(parameters).__name__}", right))
    return dict(parameters or {})


def _names(first: Any, second: Any, combination: Any, control: Any) -> tuple[str, str, str, str]:
    """Return the names of control, first, second, combination."""
    given = {"control": control, "first": first, "second": second, "combination": combination}
    problems = [
        Problem(name, f"is {value!r}", "the name of a group or arm")
        for name, value in given.items()
        if not isinstance(value, str)
    ]
    DataError.raise_if(problems + repeated(given.items()))
    return control, first, second, combination


def _check_regimens(first: Any, second: Any, combination: Any, control: Any) -> None:
    given = {"first": first, "second": second, **({} if control is None else {"control": control})}
    problems = [
        Problem(name, f"is {type(value).__name__}", "a Regimen")
        for name, value in given.items()
        if not isinstance(value, Regimen)
    ]
    if combination is not None:
        problems.append(Problem("combination", "is not for a model", "leave it out: both regimens are given together"))
    DataError.raise_if(problems)


def _of_model(pair: SimulatedPair, scale: str, drawn: ParameterDraws | None, wanted: LoeweRequest) -> Synergy:
    shown = scale_of(scale, OF_SIZES)
    arms, start = pair.arms(None if drawn is None else drawn.table)
    loewe = loewe_table(pair, arms.both, wanted)
    notes = _unreached(loewe.rows, wanted.largest)
    labels = [" + ".join(regimen.therapies) or "nothing" for regimen in (pair.first, pair.second)]
    words = "" if drawn is None else drawn.words
    of = (pair.measure, pair.days, start, arms, loewe.rows, loewe.burdens)
    return Synergy(labels[0], labels[1], shown, *of, words, wanted.confidence, tuple(notes))


def _unreached(table: Any, largest: float) -> list[str]:
    """Return notes on drugs that cannot reach the effect of both at any dose."""
    notes = []
    for row in table.to_dict("records"):
        alone = [name for name in ("first", "second") if np.isinf(row[f"{name}_multiple"])]
        if alone:
            which = "neither drug" if len(alone) == 2 else f"the {alone[0]} drug does not"
            verb = " reaches" if len(alone) == 2 else " reach"
            notes.append(
                f"on day {row['time']:g} {which}{verb} the effect of both alone, even at {largest:g} times its doses, "
                f"so its term is 0"
            )
    return notes


def _of_cohort(arms: CohortArms, scale: str, confidence: float, draws: int, seed: int) -> Synergy:
    import pandas as pd

    shown = scale_of(scale, OF_COHORTS)
    burdens = arms.burdens(scale, draws, seed)
    quantity = "response" if scale == "response_rate" else arms.endpoint
    start, empty = np.ones((1 + draws, 1)), pd.DataFrame(columns=list(LOEWE_COLUMNS))
    words = f"{draws} bootstrap samples of {len(arms.cohort)} patients"
    _, first, second, _ = arms.names
    of = (quantity, np.zeros(1), start, burdens, empty, np.zeros((1, 0)))
    return Synergy(first, second, shown, *of, words, confidence)
