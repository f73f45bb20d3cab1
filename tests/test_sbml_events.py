"""Events of SBML by triggers of every form: each firing is found, at its time, whatever the size of steps."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import immunoode as imo
from tests.long_forms import spread
from tests.sbml_texts import Made

SUITE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "sbml_semantic"
OUT_OF_SCOPE = r"AlgebraicRule|CSymbolDelay|FastReaction|comp:|fbc:|distrib:|multi:|qual:|arrays"


def clock():
    """Return a model with a clock p, a count q and a decay A, to which events are added."""
    made = Made().parameter("p", 0.0, constant=False).rate("p", "1").parameter("q", 0.0, constant=False)
    return made.compartment().species("A", amount=1, substance=True).parameter("k", 0.3).reaction("k*A", "A")


def simulated(made, times, outputs=("q",), **options):
    text = made.text()
    model, events = imo.io.read_sbml(text), imo.io.read_sbml_events(text, regimen=False)
    return imo.simulate(model, events, times=times, outputs=list(outputs), rtol=1e-8, **options)


FIRINGS = {
    "rem(time,7)<0.05": 14,
    "time-7*floor(time/7)<0.5": 14,
    "sin(time)>0.9": 16,
    "rem(time,3)==0": 33,
    "sin(p)>0.9": 16,
    "p-7*floor(p/7)<0.5": 14,
    "rem(p,3)==0": 33,
    "A<0.5 && A>0.4999": 1,
    "A<0.5 && A>0.499999999": 1,
    "A==0.5": 1,
    "p==3": 1,
    "time==3": 1,
    "exp(-((time-50)/0.00001)^2)>0.5": 1,
    "sin(10*p)>0.999999": 159,
    "ceil(time/3)==5": 1,
    "quotient(time,4)>=3": 1,
    "sin(time)>0.9 && rem(time,7)<3": 8,
    "sin(time)*A>0.1": 1,
    "cosh(time-50)<2": 1,
    "sin(time)>=1": 16,
    "sin(time)>1": 0,
    "sqrt(time)>3": 1,
    "ln(time)>3": 1,
    "time^2>50": 1,
    "rem(time,0.01)<0.005": 10_000,
}


@pytest.mark.filterwarnings("ignore:.*events")
@pytest.mark.parametrize("trigger", spread(FIRINGS, 12))
def test_every_firing_in_a_hundred_days_is_found(trigger):
    assert simulated(clock().event(trigger, q="q+1"), [0, 100])["q"][-1] == FIRINGS[trigger]


TIMES = {
    "sin(time)>0.9": np.arcsin(0.9),
    "time^2>50": np.sqrt(50),
    "ln(time)>3": np.exp(3),
    "A<0.5": np.log(2) / 0.3,
    "rem(time,7)>=6.5": 6.5,
    "exp(time)-3*time>40": 3.9395434,
}


@pytest.mark.filterwarnings("ignore:.*events")
@pytest.mark.parametrize("trigger", TIMES)
def test_a_firing_is_carried_out_at_its_time(trigger):
    made = clock().parameter("at", 0.0, constant=False).event(trigger, starts=False, at="time", q="q+1")
    run = simulated(made, [0, 1.1 * TIMES[trigger]], ["at"])
    if trigger.startswith("exp"):
        at = run["at"][-1]
        assert np.exp(at) - 3 * at == pytest.approx(40, rel=1e-9)
    else:
        assert run["at"][-1] == pytest.approx(TIMES[trigger], rel=2e-7)


@pytest.mark.filterwarnings("ignore:.*events")
def test_ten_thousand_doses_by_the_state():
    """A decay is filled up each time it has fallen to one half."""
    run = simulated(clock().event("A<0.5", A="1", q="q+1"), [0, 10_000.5 * np.log(2) / 0.3])
    assert run["q"][-1] == 10_000


@pytest.mark.filterwarnings("ignore:.*events")
def test_a_time_that_each_event_sets_anew():
    run = simulated(clock().parameter("due", 0.01, constant=False).event("time>=due", due="due+0.01", q="q+1"), [0, 99.995])
    assert run["q"][-1] == 9999


@pytest.mark.filterwarnings("ignore:.*events")
def test_events_that_set_off_each_other_without_end_are_an_error():
    made = clock().event("q>=0", starts=False, q="-1").event("q<0", q="1")
    with pytest.raises(imo.errors.ImmunoodeError, match="without end"):
        simulated(made, [0, 1, 5])


def settings(folder):
    lines = (line.split(":", 1) for line in (folder / "settings.txt").read_text().splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in lines}


def listed(text):
    return [part.strip() for part in text.split(",") if part.strip()]


def differences(folder):
    """Return which variables of a case are outside the suite's tolerances."""
    import libsbml

    stated = settings(folder)
    rows = list(csv.reader((folder / "results.csv").open()))
    table = dict(zip((h.strip() for h in rows[0]), np.array([r for r in rows[1:] if r], dtype=float).T, strict=True))
    times = next(iter(table.values()))
    document = libsbml.readSBMLFromFile(str(folder / "model.xml"))
    sbml, names = document.getModel(), listed(stated["variables"])
    model = imo.io.read_sbml(folder / "model.xml", time_unit="day")
    events = imo.io.read_sbml_events(folder / "model.xml", time_unit="day", regimen=False)
    sizes = [sbml.getSpecies(n).getCompartment() for n in names if sbml.getSpecies(n)]
    known = {*model.compartments, *model.derived}
    wanted = [n for n in dict.fromkeys([*names, *sizes]) if n in known] or list(model.compartments)[:1]
    run = imo.simulate(model, events, times=times, outputs=wanted, rtol=1e-8)

    def value(name):
        return run[name] if name in known else np.full(times.shape, model.parameters[name].value)

    wrong = []
    for name in names:
        found, species = value(name), sbml.getSpecies(name)
        if species and sbml.getCompartment(species.getCompartment()).getSpatialDimensionsAsDouble() != 0:
            dense, size = not species.getHasOnlySubstanceUnits(), species.getCompartment()
            if dense and name in listed(stated.get("amount", "")):
                found = found * value(size)
            if not dense and name in listed(stated.get("concentration", "")):
                found = found / value(size)
        allowed = float(stated["absolute"]) + float(stated["relative"]) * np.abs(table[name])
        with np.errstate(invalid="ignore"):
            close = np.abs(found - table[name]) <= allowed
        if not (close | (found == table[name]) | (np.isnan(found) & np.isnan(table[name]))).all():
            wrong.append(name)
    return wrong


CASES = sorted(folder.name for folder in SUITE.iterdir() if folder.is_dir()) if SUITE.is_dir() else []


@pytest.mark.slow
@pytest.mark.skipif(not CASES, reason="the cases of the SBML Test Suite are not beside the checkout")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_cases_of_the_sbml_test_suite(case):
    """Right by the suite's own rule; what is out of scope is refused."""
    folder = SUITE / case
    if re.search(OUT_OF_SCOPE, (folder / "tags.txt").read_text()):
        try:
            assert differences(folder) == []
        except imo.errors.ImmunoodeError:
            return
    else:
        assert differences(folder) == []
