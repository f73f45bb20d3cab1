"""Population fits: how long each takes, model and kernels included where they are warm, and what it finds.

The theophylline study is read from the folder that IMMUNOODE_DATA names (theophylline.csv); without it its rows are left out.
`--recover 50` fits so many simulated tumour-size trials instead, to see whether estimates are unbiased; they take some minutes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tools.results import show
from tqdm.auto import tqdm

import immunoode as imo
from immunoode.model.components import Compartment, Derived, Flow, Input, Parameter
from immunoode.model.model import Model

ROUNDS, ENOUGH = 3, 60.0
"""Rounds of each fit; no further one after so many seconds."""
OAK = {"growth_rate": 0.0016, "shrinkage_rate": 0.0014, "baseline_sum_of_diameters": 60.0}
"""Ribba 2022, OAK; the baseline is an estimate."""
OMEGA = {"growth_rate": 1.03, "shrinkage_rate": 1.64, "baseline_sum_of_diameters": 0.25}
"""Variances."""
ADDITIVE, PROPORTIONAL = 0.65, 0.08
NLMIXR = {  # 7.0, per hour: log ka, log cl, log v, sd of errors, variances
    "focei": (0.4647, 1.0116, 3.4597, 0.694, 0.4018, 0.0691, 0.0194),
    "saem": (0.456, 1.013, 3.452, 0.697, 0.399, 0.072, 0.0173),
}
TEXT = f"""Each time is that of one call of `fit_population`, the best of up to {ROUNDS}; in brackets that of all processors
together, which other work on the machine disturbs less. It holds making the problem, the model's machine
code, the fit to convergence; kernels are warm, as in a notebook after its first cell. Standard errors and likelihoods are made
when they are requested, and not counted. Theophylline: 12 subjects, one compartment solved as ODE, three random effects; what
nlmixr2 7.0 finds stands in a table of its own below. Tumour sizes: the law of Stein and
Fojo, 300 subjects, three random effects, additive and proportional errors. Eight states: the base model with pembrolizumab, 200
patients, 17 doses, three random effects. Occasions: 100 subjects of a crossover in two periods, the same model as theophylline,
clearance different between periods. nlmixr2 needs 1.5 s (FOCEI) and 3.2 s (SAEM) for theophylline on two such processors
once its model is compiled, and 3.5 to 5 s for tumour sizes of 100 subjects; it is not run here. OpenPKPD 0.3 needs Python 3.12,
which is not installed here, so it is not compared either."""


def oral() -> Model:
    """One compartment with first-order absorption."""
    return Model(
        name="oral",
        kind="base",
        parameters={
            "ka": Parameter(36.0, "1/day", (0.1, 1e4)),
            "cl": Parameter(65.0, "L/day", (0.1, 1e4)),
            "v": Parameter(30.0, "L", (1, 1e3)),
        },
        compartments={"depot": Compartment("mg", 0.0), "central": Compartment("mg", 0.0)},
        derived={"concentration": Derived("central / v", "mg/L")},
        inputs={"dose": Input("depot", "mg")},
        flows={"absorption": Flow("depot", "central", per_capita="ka"), "elimination": Flow("central", per_capita="cl / v")},
    )


def theophylline() -> tuple[pd.DataFrame, dict[str, imo.Regimen]] | None:
    """The study's concentrations and doses."""
    here = Path(__file__).resolve().parents[2] / "shared" / "data"
    file = Path(os.environ.get("IMMUNOODE_DATA", here)) / "theophylline.csv"
    if not file.is_file():
        return None
    table = pd.read_csv(file)
    subjects = table["Subject"].astype(str)
    frame = pd.DataFrame(
        {
            "subject": subjects,
            "arm": "oral",
            "time": table["Time"] / 24,
            "quantity": "concentration",
            "value": table["conc"],
            "unit": "mg/L",
        }
    )
    doses = {s: float(rows["Dose"].iloc[0] * rows["Wt"].iloc[0]) for s, rows in table.groupby(subjects)}
    return frame, {s: imo.Regimen().dose("dose", f"{mg} mg") for s, mg in doses.items()}


def tumour_sizes(count: int, seed: int) -> pd.DataFrame:
    """A simulated trial: visits every 6 weeks to week 24, then every 9 to week 78."""
    random = np.random.default_rng(seed)
    days = np.array([0, 42, 84, 126, 168, 231, 294, 357, 420, 483, 546], dtype=float)
    rows = []
    for i in range(count):
        own = {n: OAK[n] * np.exp(np.sqrt(OMEGA[n]) * random.standard_normal()) for n in OAK}
        f = own["baseline_sum_of_diameters"] * (np.exp(-own["shrinkage_rate"] * days) + np.exp(own["growth_rate"] * days) - 1)
        y = f + np.hypot(ADDITIVE, PROPORTIONAL * f) * random.standard_normal(len(days))
        rows += [(f"s{i}", "trial", t, "sum_of_diameters", max(v, 0.1), "mm") for t, v in zip(days, y, strict=True)]
    return pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit"])


def eight_states(count: int) -> tuple[Model, imo.Regimen, pd.DataFrame, dict[str, float]]:
    """A simulated trial of pembrolizumab."""
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    doses = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
    truth = {n: float(model.constants[n].value) for n in ("growth_rate", "kill_rate", "baseline_sum_of_diameters")}
    random = np.random.default_rng(5)
    sd = {"growth_rate": 0.3, "kill_rate": 0.4, "baseline_sum_of_diameters": 0.4}
    own = pd.DataFrame({n: truth[n] * np.exp(sd[n] * random.standard_normal(count)) for n in truth})
    days = np.array([0, 42, 84, 126, 189, 252, 315, 365], dtype=float)
    run = imo.simulate(model, doses, times=days, parameters=own, outputs=["sum_of_diameters"])
    f = np.asarray(run["sum_of_diameters"]).reshape(count, len(days))
    y = np.maximum(f * (1 + 0.1 * random.standard_normal(f.shape)), 0.1)
    subject = np.repeat([f"s{i}" for i in range(count)], len(days))
    table = pd.DataFrame(
        {
            "subject": subject,
            "arm": "pembrolizumab",
            "time": np.tile(days, count),
            "quantity": "sum_of_diameters",
            "value": y.ravel(),
            "unit": "mm",
        }
    )
    return model, doses, table, truth


def best(fit: Callable[[], imo.PopulationResult]) -> tuple[str, imo.PopulationResult]:
    """Return the shortest time of several and the least processor time, in words, and a result."""
    seconds: list[tuple[float, float]] = []
    while len(seconds) < ROUNDS and sum(s for s, _ in seconds) < ENOUGH:
        start = time.perf_counter(), time.process_time()
        result = fit()
        seconds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, processors = (min(column) for column in zip(*seconds, strict=True))
    return f"{wall:.2f} s ({processors:.2f} s)", result


def main() -> None:
    """Measure, print the table."""
    if "--recover" in sys.argv:
        recover(int(sys.argv[sys.argv.index("--recover") + 1]))
        return
    rows: list[Any] = []
    lines: list[Any] = []
    study = theophylline()
    if study is not None:
        frame, doses = study
        for method in ("focei", "saem"):
            seconds, r = best(
                lambda m=method: imo.fit_population(
                    oral(), frame, random=["ka", "cl", "v"], regimens=doses, error="additive", method=m, progress=False
                )
            )
            rows.append((f"theophylline, {method.upper()}", seconds, found(r)))
            lines += beside(method, r)
    seconds, r = best(
        lambda: imo.fit_population("ribba2022", tumour_sizes(300, 1), random=list(OAK), error="combined", progress=False)
    )
    rows.append(("tumour sizes, 300 subjects, SAEM", seconds, found(r)))
    model, regimen, table, truth = eight_states(200)
    seconds, r = best(lambda: imo.fit_population(model, table, random=list(truth), regimens=regimen, progress=False))
    off = ", ".join(f"{n} {100 * (r.values[n] / v - 1):+.1f} %" for n, v in truth.items())
    rows.append(("eight states, 200 patients, SAEM", seconds, f"off the truth: {off}"))
    rows.append(occasions())
    rows.append(profiles())
    columns = ("fit", "time (of processors)", "found")
    show("population_fits", "Population fits and profiles", TEXT, columns, rows, closing(lines))


def closing(lines: list[Any]) -> str:
    """Return the table of the theophylline study."""
    if not lines:
        return ""
    head = ["| theophylline | found | nlmixr2 7.0 | off by |", "| --- | ---: | ---: | ---: |"]
    return "\n".join([*head, *("| " + " | ".join(line) + " |" for line in lines)])


def beside(method: str, result: imo.PopulationResult) -> list[tuple[str, str, str, str]]:
    """Return a line for each number of the theophylline study beside what nlmixr2 finds."""
    logs = np.log([result.values["ka"] / 24, result.values["cl"] / 24, result.values["v"]])
    mine = (*logs, float(np.exp(result.estimates.errors[0])), *np.diag(result.omega))
    names = ("log ka", "log CL", "log V", "error", "variance of ka", "variance of CL", "variance of V")
    lines = [
        (f"{method.upper()}, {n}", f"{m:.4f}", f"{r:.4f}", f"{100 * (m / r - 1):+.2f} %")
        for n, m, r in zip(names, mine, NLMIXR[method], strict=True)
    ]
    if method == "focei":
        lines.insert(0, ("FOCEI, objective", f"{result.objective:.3f}", "116.804", f"{result.objective - 116.804:+.3f}"))
    return lines


def occasions() -> tuple[str, str, str]:
    """Fit a simulated crossover: two periods, clearances that differ between them."""
    random = np.random.default_rng(6)
    t = np.array([0.5, 1.5, 4, 8, 14, 24]) / 24
    own = np.array([36.0, 65.0, 30.0]) * np.exp(np.array([0.3, 0.25, 0.15]) * random.standard_normal((100, 1, 3)))
    ka, cl, v = np.moveaxis(own * np.exp(np.array([0, 0.3, 0]) * random.standard_normal((100, 2, 3))), -1, 0)[..., None]
    f = 320 / v * ka / (ka - cl / v) * (np.exp(-cl / v * t) - np.exp(-ka * t))
    table = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(100), 12).astype(str),
            "arm": "crossover",
            "time": np.tile(np.concatenate([t, 10 + t]), 100),
            "quantity": "concentration",
            "value": (f * (1 + 0.08 * random.standard_normal(f.shape))).ravel(),
            "unit": "mg/L",
        }
    )
    doses = imo.Regimen().dose("dose", "320 mg", every="10 days", count=2)
    seconds, r = best(
        lambda: imo.fit_population(
            oral(), table, random=["ka", "cl", "v"], between_occasions="cl", occasions=[10.0], regimens=doses, progress=False
        )
    )
    what = f"{found(r)}; variance between occasions {float(r.occasion_omega.iloc[0, 0]):.3g}, in truth 0.09"
    return "two occasions, 100 subjects, SAEM", seconds, what


def found(result: imo.PopulationResult) -> str:
    """Return the estimates in a line."""
    values = ", ".join(f"{n} {v:.4g}" for n, v in result.values.items())
    variances = ", ".join(f"{v:.3g}" for v in np.diag(result.omega))
    errors = ", ".join(f"{np.exp(e):.3g}" for e in result.estimates.errors)
    return f"objective {result.objective:.2f}; {values}; variances {variances}; errors {errors}"


def profiles() -> tuple[str, str, str]:
    """Five profiles of a simulated four-arm xenograft study."""
    from fit_coverage import SEED, STUDIES, fitted

    result = fitted(STUDIES["xenografts, four doses (Simeoni)"], [SEED, 0])
    start = time.perf_counter()
    found_ = result.profile(progress=False)
    seconds = time.perf_counter() - start
    points = sum(len(p.values) for p in found_.values())
    return ("profiles of five parameters, four arms of six mice", f"{seconds:.2f} s", f"{points} points")


def recover(count: int) -> None:
    """Fit simulated trials, print the mean error of each parameter with its standard error."""
    rows = []
    for i in tqdm(range(count)):
        r = imo.fit_population("ribba2022", tumour_sizes(300, 100 + i), random=list(OAK), error="combined", progress=False)
        logs = [np.log(r.values[n] / v) for n, v in OAK.items()]
        variances = np.diag(r.omega) / list(OMEGA.values()) - 1
        errors = np.exp(r.estimates.errors) / [ADDITIVE, PROPORTIONAL] - 1
        rows.append([*logs, *variances, *errors])
    names = [*OAK, *(f"variance of {n}" for n in OMEGA), "additive error", "proportional error"]
    table = pd.DataFrame(rows, columns=names)
    lines = [(n, f"{100 * table[n].mean():+.1f} %", f"{100 * table[n].std() / np.sqrt(count):.1f} %") for n in names]
    text = f"""{count} trials of 300 subjects are simulated at the published values of OAK (Stein-Fojo; growth and shrinkage
rate, their variances 1.03 and 1.64, errors of 0.65 mm and 8 %), and each is fitted by SAEM."""
    show("recovery", "Recovery of a population of tumour sizes", text, ("parameter", "mean error", "its standard error"), lines)


if __name__ == "__main__":
    main()
