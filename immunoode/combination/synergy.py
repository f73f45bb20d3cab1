"""`synergy`: two drugs together beside four nulls, of simulations, cohorts and animals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from immunoode.combination.argument_checks import confidence_problems, refuse, repeated, sampling_problems
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
    """Compare what two drugs do together with what four nulls expect of them.

    Parameters
    ----------
    source : Model, str, FitResult, TrialData, DataFrame, Cohort or VirtualPatients
        A model (or a fit of one), which is simulated; sizes of animals in four groups, to which a linear mixed model of growth
        is fitted; or virtual patients with the outcomes of four arms.
    first, second : Regimen or str
        Of a model, the regimen of each drug; else the names of the groups or arms of each drug alone.
    combination : str, optional
        The name of the group or arm of both drugs; not for a model, which has both regimens together.
    control : Regimen or str, optional
        Of a model, what all arms have besides (nothing by default); else the name of the untreated group or arm.
    until : str or float, optional
        End of the simulation.
    times : array of times, optional
        Report times of the simulation; 40 by default.
    scale : str, optional
        What an effect is. Of sizes: "log_size" (default), "growth_rate", "killed" (fraction, relative to control); of virtual
        patients: "response_rate" (default), "hazard" (events of the endpoint per day at risk).
    measure : str, optional
        Of a model, the output that is the tumour's size; by default as in `imo.compare`. Of data, the quantity.
    endpoint : str
        Of virtual patients, for hazards.
    parameters : mapping, optional
        Values that differ from the model's.
    uncertainty : FitResult, Draws, DataFrame or Cohort, optional
        What bands are from: the covariance of a fit, its bootstrap or posterior, a table with one row of parameters per draw,
        or patients. A fit as source is its own.
    loewe : bool or sequence of times
        Whether, or when, Loewe additivity is computed; by default at the end. Each time needs some sixty simulations.
    loewe_draws : int
        Draws for the limits of Loewe additivity, which needs a hundred simulations of each.
    largest_multiple : float
        Of a regimen, in the search for the multiple that has the effect of both drugs.
    robust : bool
        Of animals: cluster-robust standard errors (CR2).
    confidence : float
    draws : int, optional
        Draws of parameters or of patients (200 by default); of animals, of growth rates (20 000 by default).
    seed : int
    **options
        Of the solver, as of `imo.simulate`: rtol, atol, method, extinction.

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
    Burden is what less is better of: size, one less the response rate, hazard. Bliss expects that the factors by which the
    drugs change it multiply, the highest single agent the lower of both, response additivity that the changes add, and Loewe
    that doses are exchanged for each other; see `docs/combinations.md`.

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
    refuse(confidence_problems(confidence), sampling_problems(count, seed), robust_problems(robust))
    refuse(loewe_problems(loewe_draws, largest_multiple))
    simulated = {
        **{"until": until is not None, "times": times is not None, "parameters": bool(parameters)},
        **{"uncertainty": uncertainty is not None, "loewe": not isinstance(loewe, bool), "loewe_draws": bool(loewe_draws)},
        "largest_multiple": largest_multiple != LARGEST,
    }
    if isinstance(source, VirtualPatients):
        source = Cohort(source, source.prior)
    if isinstance(source, Cohort):
        given = simulated | {"measure": measure is not None, "robust": bool(robust)}
        refuse(inapplicable(given, options, OF_COHORT, "scale=, endpoint=, confidence=, draws=, seed="))
        arms = CohortArms(source, _names(first, second, combination, control), endpoint)
        return _of_cohort(arms, scale or "response_rate", confidence, count, seed)
    if not isinstance(source, (Model, str, FitResult)):
        given = simulated | {"scale": scale is not None, "endpoint": endpoint != ENDPOINT}
        refuse(inapplicable(given, options, OF_ANIMALS, "measure=, robust=, confidence=, draws=, seed="))
        groups = _names(first, second, combination, control)
        return growth_synergy(source, groups, measure, robust, confidence, draws or DRAWS_OF_RATES, seed)
    refuse(inapplicable({"endpoint": endpoint != ENDPOINT, "robust": bool(robust)}, (), OF_MODEL, "leave it out"))
    refuse(unknown_options(options))
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
    refuse(problems, repeated(given.items()))
    return control, first, second, combination


def _check_regimens(first: Any, second: Any, combination: Any, control: Any) -> None:
    given = {"first": first, "second": second, **({} if control is None else {"control": control})}
    problems = [
        Problem(name, f"is {type(value).__name__}", "a Regimen")
        for name, value in given.items()
        if not isinstance(value, Regimen)
    ]
    if combination is not None:
        problems.append(Problem("combination", "is not for a model", "both regimens are given together"))
    refuse(problems)


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
    """Return notes on drugs that do not reach the effect of both at any dose."""
    notes = []
    for row in table.to_dict("records"):
        alone = [name for name in ("first", "second") if np.isinf(row[f"{name}_multiple"])]
        if alone:
            which = "neither drug" if len(alone) == 2 else f"the {alone[0]} drug does not"
            verb = " reaches" if len(alone) == 2 else " reach"
            notes.append(
                f"on day {row['time']:g} {which}{verb} the effect of both alone at {largest:g} times its doses: its part is 0"
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
