"""One call for a real design: everything shared, per arm, per subject or by covariates at once, several observables, doses
from the data; and each way in which parameters can be held, tied or known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.model.components import Compartment, Derived, Flow, Input, Parameter
from immunoode.model.model import Model

TRUE = {"clearance": 0.3, "volume": 4.0, "growth": 0.05, "potency": {"low": 0.01, "high": 0.015}, "size": 40.0}
POWER = 0.75
LIMIT = 2.0


def model() -> Model:
    """A drug that is cleared, and a tumour that grows and that it kills: concentration and size are observed."""
    return Model(
        "study",
        "base",
        covariates={"weight": Parameter(70.0, "kg", (20, 200))},
        parameters={
            "clearance": Parameter(0.25, "L/day", (1e-3, 10)),
            "volume": Parameter(5.0, "L", (0.1, 100)),
            "growth": Parameter(0.04, "1/day", (1e-4, 1)),
            "potency": Parameter(0.02, "L/(mg*day)", (1e-5, 1)),
            "size": Parameter(50.0, "mm", (1, 500)),
        },
        compartments={"drug": Compartment("mg", 0.0), "tumour": Compartment("mm", "size", ("tumour",))},
        derived={"concentration": Derived("drug / volume", "mg/L"), "diameter": Derived("tumour", "mm", baseline="size")},
        inputs={"infusion": Input("drug", "mg")},
        flows={
            "elimination": Flow("drug", per_capita="clearance / volume"),
            "growth": Flow(target="tumour", rate="growth * tumour"),
            "killing": Flow("tumour", per_capita="potency * concentration"),
        },
    )


def study(seed: int = 1, subjects: int = 10) -> imo.TrialData:
    """Return a NONMEM table with doses, two observables, weights, a limit of quantification, read as a trial."""
    random, rows = np.random.default_rng(seed), []
    for i in range(subjects):
        arm, dose = (("low", 20.0), ("high", 40.0))[i % 2]
        weight = 70 * np.exp(0.25 * random.standard_normal())
        own = {
            "clearance": TRUE["clearance"] * (weight / 70) ** POWER,
            "volume": TRUE["volume"],
            "growth": TRUE["growth"],
            "potency": TRUE["potency"][arm],
            "size": TRUE["size"] * np.exp(0.3 * random.standard_normal()),
        }
        doses = imo.Regimen().dose("infusion", f"{dose} mg", every="7 days", count=3)
        days = [0.5, 1, 3, 6, 8, 13, 15, 20, 28, 42]
        run = imo.simulate(model(), doses, times=[0.0, *days], parameters=own, outputs=["concentration", "diameter"])
        common = {"ID": f"{arm}{i}", "ARM": arm, "WT": weight, "CMT": 1, "AMT": 0, "CENS": 0, "EVID": 0}
        rows += [{**common, "TIME": 7.0 * k, "AMT": dose, "DV": ".", "DVID": 0, "EVID": 1} for k in range(3)]
        for k, day in enumerate(days, start=1):
            c = float(run["concentration"][k]) * np.exp(0.15 * random.standard_normal())
            d = float(run["diameter"][k]) + 1.0 * random.standard_normal()
            low = c < LIMIT
            rows.append({**common, "TIME": day, "DV": max(c, LIMIT), "DVID": 1, "CENS": int(low)})
            rows.append({**common, "TIME": day, "DV": d, "DVID": 2})
    table = pd.DataFrame(rows).sort_values(["ID", "TIME", "EVID"], ascending=[True, True, False], ignore_index=True)
    return imo.io.read_nonmem(
        table.rename(columns={"WT": "weight"}),
        {1: "infusion"},
        time_unit="day",
        observations={1: "concentration", 2: "diameter"},
        units={"concentration": "mg/L", "diameter": "mm"},
        covariates={"weight": "weight", "ARM": "ARM"},
    )


HOW: dict[str, Any] = {
    "start": 0.0,
    "error": {"concentration": "lognormal", "diameter": "additive"},
    "progress": False,
    "covariates": {"clearance": "log(weight / 70)"},
}


@pytest.fixture(scope="module")
def data() -> imo.TrialData:
    return study()


@pytest.fixture(scope="module")
def whole(data: imo.TrialData) -> imo.FitResult:
    return imo.fit(model(), data, ["clearance", "volume", "growth"], per_arm=["potency"], per_subject=["size"], **HOW)


def near(result: imo.FitResult, key: str, true: float, wide: float = 4.0) -> None:
    p = result.lmfit.params[key]
    assert 0 < p.stderr < 0.3 * abs(true) and abs(p.value - true) < wide * p.stderr, (key, p.value, p.stderr, true)


@pytest.mark.slow
def test_any_mix_of_parameters_in_one_call(data: imo.TrialData, whole: imo.FitResult) -> None:
    assert whole.success and len(data.schedules) == 10
    for key in ("clearance", "volume", "growth"):
        near(whole, key, TRUE[key])
    near(whole, "clearance__log_weight_70", POWER)
    assert {s.sharing for s in whole.parameterisation.fitted_parameters} == {"shared", "per_arm", "per_subject"}
    assert sum(k.startswith("size__") for k in whole.values) == 10
    arms = [k for k in whole.values if k.startswith("potency__")]
    assert len(arms) == len(set(whole.observations.arms))


def test_each_observable_has_its_own_errors_and_limits(whole: imo.FitResult) -> None:
    (drug, size) = whole.least_squares.errors
    assert (drug.kind, size.kind) == ("lognormal", "additive")
    assert drug.scale.s == pytest.approx(0.15, rel=0.35) and size.scale.s == pytest.approx(1.0, rel=0.35)
    censored = whole.observations.censoring == -1
    assert 5 < censored.sum() < 90 and set(whole.observations.quantity[censored]) == {0}
    assert (whole.predict()["censoring"] == "left").sum() == censored.sum()


def test_the_doses_are_those_of_the_data(data: imo.TrialData, whole: imo.FitResult) -> None:
    """Without them nothing has a concentration; the same doses said as regimens give the same fit."""
    arm = {s: data.schedules[s].amounts[0] for s in data.subjects}
    doses = {s: imo.Regimen().dose("infusion", f"{a} mg", every="7 days", count=3) for s, a in arm.items()}
    again = imo.fit(
        model(), data, ["clearance", "volume", "growth"], per_arm=["potency"], per_subject=["size"], regimens=doses, **HOW
    )
    assert again.deviance == pytest.approx(whole.deviance, abs=1e-6)


@pytest.mark.slow
def test_an_earlier_fit_with_its_uncertainty(data: imo.TrialData) -> None:
    """Pharmacokinetics from one study, known as well as they are, in the fit of tumours alone of another."""
    first = imo.fit(
        model(),
        data,
        ["clearance", "volume"],
        observe={"concentration": "concentration"},
        start=0.0,
        error="lognormal",
        covariates=HOW["covariates"],
        progress=False,
    )
    how = {**HOW, "error": "additive", "observe": {"diameter": "diameter"}}
    later = study(seed=2)
    free = imo.fit(model(), later, ["clearance", "volume", "growth", "potency"], priors=first, **how)
    exact = {n: ("lognormal", first.values[n], 1e-5) for n in ("clearance", "volume")}
    power = "clearance__log_weight_70"
    exact[power] = ("normal", float(first.lmfit.params[power].value), 1e-5)
    fixed = imo.fit(model(), later, ["clearance", "volume", "growth", "potency"], priors=exact, **how)
    sure, unsure = (float(r.lmfit.params["potency"].stderr) for r in (fixed, free))
    assert unsure > sure
    for name in ("clearance", "volume"):
        earlier = float(first.lmfit.params[f"log_{name}"].stderr)
        assert float(free.lmfit.params[f"log_{name}"].stderr) < 1.05 * earlier
        off = free.lmfit.params[f"log_{name}"].value - first.lmfit.params[f"log_{name}"].value
        assert abs(off) < 3 * earlier


@pytest.mark.slow
def test_priors_of_each_kind_and_constraints(data: imo.TrialData) -> None:
    plain = imo.fit(model(), data, ["clearance", "volume", "growth", "potency"], **HOW)
    tight = imo.fit(
        model(),
        data,
        ["clearance", "volume", "growth", "potency"],
        priors={"volume": ("lognormal", 8.0, 0.001), "growth": ("normal", 0.08, 1e-5)},
        **HOW,
    )
    assert tight.values["volume"] == pytest.approx(8.0, rel=0.01) and tight.values["growth"] == pytest.approx(0.08, rel=0.01)
    assert tight.deviance > plain.deviance
    tied = imo.fit(model(), data, ["clearance", "volume", "growth", "potency"], constraints={"volume": "14 * clearance"}, **HOW)
    assert (
        tied.values["volume"] == pytest.approx(14 * tied.values["clearance"])
        and tied.parameter_count == plain.parameter_count - 1
    )
    assert tied.deviance >= plain.deviance - 1e-6
