"""Models and data for the tests of population fits."""

import numpy as np
import pandas as pd

import immunoode as imo
from immunoode.model.components import Compartment, Derived, Flow, Input, Parameter
from immunoode.model.model import Model
from tests.published_data import data_file


def theophylline_model():
    """Return one compartment with first-order absorption."""
    return Model(
        name="oral",
        kind="base",
        parameters={
            "ka": Parameter(36.0, "1/day", bounds=(0.1, 1e4)),
            "cl": Parameter(65.0, "L/day", bounds=(0.1, 1e4)),
            "v": Parameter(30.0, "L", bounds=(1, 1e3)),
        },
        compartments={"depot": Compartment("mg", 0.0), "central": Compartment("mg", 0.0)},
        derived={"concentration": Derived("central / v", "mg/L")},
        inputs={"dose": Input("depot", "mg")},
        flows={"absorption": Flow("depot", "central", per_capita="ka"), "elimination": Flow("central", per_capita="cl / v")},
    )


def theophylline():
    """Return the data and the regimens of the theophylline study; skip where it is not at hand."""
    table = pd.read_csv(data_file("theophylline.csv"))
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


def decay_model():
    """Return exponential decay from an amount, known in closed form."""
    return Model(
        name="decay",
        kind="base",
        parameters={"rate": Parameter(0.2, "1/day", bounds=(1e-4, 50)), "amount": Parameter(10.0, "mg", bounds=(0.01, 1e4))},
        compartments={"drug": Compartment("mg", "amount")},
        flows={"loss": Flow("drug", per_capita="rate")},
    )


def decays(count=40, seed=1, sd=(0.4, 0.3), error=0.1, times=(0.5, 2.0, 5.0, 9.0, 14.0), covariate=0.0, correlation=0.0):
    """Return a long table of simulated decays with log-normal rates and amounts, and the covariate of each subject."""
    random = np.random.default_rng(seed)
    age = random.uniform(-1, 1, count)
    lower = np.linalg.cholesky([[1.0, correlation], [correlation, 1.0]])
    z = random.standard_normal((count, 2)) @ lower.T
    rate = 0.2 * np.exp(sd[0] * z[:, 0] + covariate * age)
    amount = 10.0 * np.exp(sd[1] * z[:, 1])
    days = np.array(times)
    value = amount[:, None] * np.exp(-np.outer(rate, days))
    value = value * (1 + error * random.standard_normal(value.shape))
    frame = pd.DataFrame(
        {
            "subject": np.repeat([f"s{i}" for i in range(count)], len(days)),
            "arm": "one",
            "time": np.tile(days, count),
            "quantity": "drug",
            "value": value.ravel(),
            "unit": "mg",
            "age": np.repeat(50 + 10 * age, len(days)),
        }
    )
    return frame


def crossover(count=30, seed=1, occasions=2, sd=(0.3, 0.25, 0.15), later=(0.0, 0.3, 0.0), error=0.08):
    """Return a long table of simulated concentrations on occasions ten days apart, and their doses.

    `sd` and `later` are of log ka, log cl, log v: between subjects, and between occasions of one.
    """
    random = np.random.default_rng(seed)
    hours = np.array([0.5, 1.5, 4, 8, 14, 24])
    own = np.array([36.0, 65.0, 30.0]) * np.exp(np.array(sd) * random.standard_normal((count, 1, 3)))
    ka, cl, v = np.moveaxis(own * np.exp(np.array(later) * random.standard_normal((count, occasions, 3))), -1, 0)[..., None]
    k, t = cl / v, hours / 24  # nothing is left after ten days
    f = 320 / v * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    value = f * (1 + error * random.standard_normal(f.shape))
    days = 10.0 * np.arange(occasions)[:, None] + t
    frame = pd.DataFrame(
        {
            "subject": np.repeat([f"s{i}" for i in range(count)], days.size),
            "time": np.tile(days.ravel(), count),
            "quantity": "concentration",
            "value": value.ravel(),
            "unit": "mg/L",
            "period": np.tile(np.repeat(np.arange(occasions) + 1, len(hours)), count),
        }
    )
    return frame, imo.Regimen().dose("dose", "320 mg", every="10 days", count=occasions)
