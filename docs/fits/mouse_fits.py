"""Fits of the mouse model to published experiments: docs/mouse_fits.md. Run: python docs/fits/mouse_fits.py [FOLDER].

The folder with the data is the argument, or what IMMUNOODE_DATA names, or ../shared/data beside the repository.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import immunoode as imo
from immunoode.fitting.fit import fit
from immunoode.fitting.result import FitResult
from immunoode.trial.long_table import read_trial
from immunoode.trial.trial_data import TrialData

HERE = Path(__file__).parent
PAGE = HERE.parent / "mouse_fits.md"
START = "baseline_tumour_volume"
CELLS = {
    "adoptive_t_cell_antigen_half_saturation": 1e7,
    "adoptive_t_cell_capacity": 1e9,
    "adoptive_t_cell_killing_half_saturation": 1e7,
    "adoptive_t_cell_trafficking": 1.0,
    "adoptive_t_cell_engraftment_rate": 2.0,
    "adoptive_t_cell_engrafted_fraction": 0.5,
    "adoptive_t_cell_division_rate": 0.0,
}
"""The transferred cells of a mouse: half saturations by a tumour of 10 mm^3, and all of them at the tumour within a day."""
CAR_T = {
    "car_t_antigen_half_saturation": 1e7,
    "car_t_expansion_capacity": 1e8,
    "car_t_killing_half_saturation": 1e7,
    "car_t_trafficking": 1.0,
    "car_t_support_half": 2.0,
    "car_t_engraftment_rate": 3.0,
    "car_t_engrafted_fraction": 0.5,
    "car_t_expansion_rate": 0.1,
}
"""CAR-T cells of a mouse, in the same way: many that hardly expand."""


@dataclass(frozen=True)
class Experiment:
    """Data of one experiment, the model for it, and what is fitted."""

    title: str
    text: str
    data: TrialData
    model: imo.Model
    vary: tuple[str, ...]
    regimens: Mapping[str, imo.Regimen | None] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    begins: float | None = None
    per_arm: tuple[str, ...] = ()
    one_start: bool = False

    def fit(self) -> FitResult:
        """Return the fit, with log-normal errors and a starting volume of each mouse (or group), or one of all."""
        how: dict[str, Any] = {"regimens": dict(self.regimens)} if self.regimens else {}
        how |= {"start": self.begins} if self.begins is not None else {}
        bounds = {START: (0.5, 500.0), **self.bounds}
        how |= {"parameters": dict(self.fixed), "initial": dict(self.initial), "bounds": bounds}
        how |= {"per_subject": () if self.one_start else (START,), "per_arm": self.per_arm}
        vary = (*self.vary, START) if self.one_start else self.vary
        return fit(self.model, self.data, vary, error="lognormal", progress=False, **how)


def explained(result: FitResult) -> float:
    """Return R2 of the logarithms of volumes."""
    table = result.predict()
    seen, ours = np.log(table["observed"]), np.log(table["predicted"])
    return float(1 - ((seen - ours) ** 2).sum() / ((seen - seen.mean()) ** 2).sum())


def _groups(table: pd.DataFrame, arm: Any, day: str, value: Any) -> TrialData:
    """Return group means as data with one subject per arm."""
    made = pd.DataFrame({"subject": arm, "arm": arm, "day": table[day], "value": value})
    return read_trial(made, units="mm^3", quantity="tumour_volume")


def radiation(folder: Path) -> Experiment:
    """MC38 tumours after 0, 4, 8 and 15 Gy."""
    table = pd.read_csv(folder / "mouse_mc38_radiation.csv")
    table = table[(table["file"] == "WTl100") & (table["day"] >= 8)]
    arm = table["series"].map({1: "0 Gy", 2: "4 Gy", 3: "8 Gy", 4: "15 Gy"})
    data = _groups(table, arm, "day", table["cells_or_um3"] / 1e6)
    return Experiment(
        "MC38, radiation",
        "Group means after 0, 4, 8 and 15 Gy on about 100 mm^3 (Rauf 2025). The day of irradiation is not in the table; day 8, "
        "the first day with data of the irradiated arms, is assumed, and the single value before it is left out.",
        data,
        imo.combine(imo.load_model("mouse_tumour_immune", "MC38"), "radiotherapy"),
        ("growth_rate", "capacity", "clearance_rate", "radiotherapy_alpha"),
        {a: None if a == "0 Gy" else imo.Regimen().dose("radiotherapy", a, start=8) for a in data.arms},
        begins=7.9,
    )


def anti_pd1(folder: Path) -> Experiment:
    """MC38 tumours under an antibody against PD-1."""
    table = pd.read_csv(folder / "mouse_pembrolizumab_lindauer2017.csv")
    table = table[table["figure"] == "Fig2a"]
    table = table.assign(dose=table["series"].str.removeprefix("dose_").astype(float)).sort_values(["dose", "x"])
    arm = table["dose"].map(lambda dose: f"{dose:g} mg/kg")
    data = _groups(table, arm, "x", table["y"])
    twice = {a: imo.Regimen().dose("anti_pd1_intravenous", a, every="4 days", count=2) for a in data.arms}
    return Experiment(
        "MC38, antibody against PD-1",
        "Group means under 0 to 5 mg/kg of DX400 on days 0 and 4, digitised from lindauer2017, figure 2a, with one starting "
        "volume. R2 is low: means vary from day to day (the control does not grow from day 5 to day 8), and volumes at the "
        "middle doses fall by half within three days and then grow faster than the control. With all immune rates free, R2 "
        "reaches 0.75, and with a starting volume for each group 0.82, but with parameters at their bounds; clearance of dying "
        "cells, division and the strength of PD-1 are therefore fixed at the values of the variant. These tumours also grow "
        "half as fast as those of the radiation experiment, whose growth rate the variant uses.",
        data,
        imo.combine(imo.load_model("mouse_tumour_immune", "MC38"), imo.load_model("mouse_pd1_inhibitor", "rmp1_14")),
        ("growth_rate", "priming_rate", "anti_pd1_dissociation_constant"),
        {**twice, "0 mg/kg": None},
        {"clearance_rate": 0.3},
        {"growth_rate": 0.2, "priming_rate": 1e7, START: 170.0},
        {"priming_rate": (1e3, 1e9), START: (50.0, 400.0)},
        one_start=True,
    )


def four_arms(folder: Path) -> Experiment:
    """4T1 tumours under GABA and an antibody against PD-1."""
    data = read_trial(
        folder / "mouse_4t1_gaba_antipd1.csv", {"value": "volume_mm3"}, "mm^3", quantity="tumour_volume", title="4T1"
    )
    return Experiment(
        "4T1, GABA and antibody against PD-1",
        "Volumes of 41 mice in four arms (SynergyLMM). The table does not state doses and times, so each arm has a separate "
        "growth rate. With a common growth rate, R2 is 0.89: mice differ more than arms.",
        data,
        imo.load_model("mouse_tumour_immune", "4T1"),
        ("capacity",),
        bounds={START: (0.5, 200.0), "capacity": (1e8, 1e12)},
        begins=7.0,
        per_arm=("growth_rate",),
    )


def transfer(folder: Path) -> Experiment:
    """EG7 tumours with transferred OT-I cells."""
    table = pd.read_csv(folder / "mouse_eg7_adoptive_ctl.csv").rename(columns={"volume_mm3": "value"})
    data = read_trial(table, units="mm^3", quantity="tumour_volume")
    return Experiment(
        "EG7, transferred T cells",
        "Volumes of ten mice, untreated and with OT-I cells on day 0 (Beck and others). The number of cells is not in the "
        "table; a nominal 1e7 is assumed, so that only the product of kill rate and dose is meaningful.",
        data,
        imo.combine(imo.load_model("mouse_tumour_immune", "EG7"), "adoptive_t_cell"),
        ("growth_rate", "capacity", "adoptive_t_cell_kill_rate"),
        {"untreated": None, "ctl": imo.Regimen().dose("adoptive_t_cell", "1e7 cells")},
        {**CELLS, "priming_rate": 0.0},
        {"adoptive_t_cell_kill_rate": 1.0},
        {"adoptive_t_cell_kill_rate": (1e-3, 30.0), "capacity": (3e8, 1e12)},
        begins=-1.5,
    )


def car_t(folder: Path) -> Experiment:
    """AE17 tumours of two mixtures of antigen, with and without CAR-T cells."""
    table = pd.read_csv(folder / "mouse_ae17_car_t.csv")
    arm = table["arm"] + ", " + table["antigen_positive_pct"].astype(str) + " % with antigen"
    data = _groups(table, arm, "day", table["mean_volume_mm3"])
    given = imo.Regimen().dose("car_t", "5e7 cells", start="7 days")
    return Experiment(
        "AE17, CAR-T cells",
        "Group means of tumours of which 50 or 75 % of the cells have the antigen, with and without CAR-T cells (kara2024). "
        "Dose and day are not in the table; a nominal 5e7 cells on day 7 are assumed. Cells without the antigen are left out, "
        "because a fraction of them at the start (antigen_negative_fraction of car_t) does not improve the fit.",
        data,
        imo.combine(imo.load_model("mouse_tumour_immune", "AE17"), "car_t"),
        ("growth_rate", "car_t_kill_rate", "car_t_contraction_rate"),
        {a: given if a.startswith("treatment") else None for a in data.arms},
        {**CAR_T, "priming_rate": 0.0},
        {"growth_rate": 0.18, "car_t_kill_rate": 2.0, "car_t_contraction_rate": 0.3},
        {"car_t_kill_rate": (1e-3, 30.0), "car_t_contraction_rate": (0.01, 1.0)},
        begins=2.9,
    )


def placebo(folder: Path) -> Experiment:
    """B16F10 tumours under placebo."""
    table = pd.read_csv(folder / "mouse_b16_il12.csv").rename(columns={"volume_mm3": "value"})
    table = table[(table["arm"] == "Placebo") & (table["value"] > 0)]
    return Experiment(
        "B16, placebo",
        "Volumes of five mice on two days (public repository of B16F10 data). The other arms received interleukin-12, for "
        "which there is no model; they are left out.",
        read_trial(table, units="mm^3", quantity="tumour_volume"),
        imo.load_model("mouse_tumour_immune", "B16"),
        ("growth_rate",),
        begins=6.9,
    )


PARTS: dict[str, tuple[str, Callable[[Path], Experiment]]] = {
    "radiation": ("mouse_mc38_radiation.csv", radiation),
    "anti_pd1": ("mouse_pembrolizumab_lindauer2017.csv", anti_pd1),
    "four_arms": ("mouse_4t1_gaba_antipd1.csv", four_arms),
    "transfer": ("mouse_eg7_adoptive_ctl.csv", transfer),
    "car_t": ("mouse_ae17_car_t.csv", car_t),
    "placebo": ("mouse_b16_il12.csv", placebo),
}
HEAD = """<!-- Written by docs/fits/mouse_fits.py; change that, not the page. -->

# The mouse model and published experiments

`mouse_tumour_immune` with its therapies, fitted to volumes of transplanted tumours, with shared rates as listed, a starting
volume for each mouse (or for each group, if the data are means), and log-normal errors. R2 refers to logarithms of volumes. The
variants contain the estimates, rounded. CT26 has the growth rate of kosinsky2018 and no data in this table. The data are not
part of the package; sources are named below.

| experiment | values | R2 (log) | fitted |
|---|---|---|---|
"""
TAIL = """
![Volumes and fits](fits/mouse_fits.png)

Points: observed volumes of groups or of single mice (paler). Lines: predictions.

An experiment needs only a few lines:

```python
>>> import immunoode as imo
>>> antibody = imo.load_model("mouse_pd1_inhibitor", variant="rmp1_14")
>>> model = imo.combine(imo.load_model("mouse_tumour_immune", variant="MC38"), antibody, "radiotherapy")
>>> drug = imo.Regimen().dose("anti_pd1", "10 mg/kg", every="3 days", count=4)
>>> both = drug + imo.Regimen().dose("radiotherapy", "8 Gy")
>>> arms = {"control": None, "antibody": drug, "both": both}
>>> volumes = {arm: imo.simulate(model, regimen, times=[0, 14])["tumour_volume"][1] for arm, regimen in arms.items()}
>>> {arm: round(float(volume)) for arm, volume in volumes.items()}
{NUMBERS}

```

Doses of drugs are in mg or in mg per kg of the mouse (0.02 kg), and doses of cells are numbers of cells. Median plasma
concentrations of `rmp1_14` agree with those digitised from lindauer2017, figure S2 (249 samples of six doses), within 25 %. The
settings for transferred cells and CAR-T cells in mice (a smaller capacity, half-saturation at a tumour of 10 mm^3) are at the
top of `fits/mouse_fits.py`. Chemotherapy has the pharmacokinetics of patients; for mice, set its covariate surface_area (0.0067
m^2).
"""


def line(experiment: Experiment, result: FitResult) -> str:
    """Return the row of an experiment."""
    values = result.to_frame()
    shared = values[~values.index.str.startswith(START)]
    bound = ["" if not b else " (at a bound)" if "bound" in b else " (not determined)" for b in shared["beware"]]
    told = ", ".join(f"{n} {v:.3g}{b}" for n, v, b in zip(shared.index, shared["value"], bound, strict=True))
    return f"| {experiment.title} | {len(result.predict())} | {explained(result):.3f} | {told} |"


def draw(results: Mapping[str, tuple[Experiment, FitResult]]) -> None:
    """Draw all experiments."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(10, 5.6), layout="constrained")
    for box, (experiment, result) in zip(axes.flat, results.values(), strict=False):
        _panel(box, experiment, result.predict())
    for box in axes[:, 0]:
        box.set_ylabel("tumour volume (mm$^3$)")
    for box in axes[1]:
        box.set_xlabel("time (days)")
    figure.savefig(HERE / "mouse_fits.png", dpi=90)
    plt.close(figure)


def _panel(box: Any, experiment: Experiment, table: pd.DataFrame) -> None:
    single = table["subject"].nunique() > table["arm"].nunique()
    for k, (arm, group) in enumerate(table.groupby("arm", sort=False)):
        for i, (_, one) in enumerate(group.groupby("subject")):
            style = {"alpha": 0.45, "lw": 0.7, "ms": 2.5} if single else {"lw": 1.4, "ms": 4}
            box.plot(one["time"], one["predicted"], "-", color=f"C{k}", label=str(arm) if i == 0 else None, **style)
            box.plot(one["time"], one["observed"], "o", color=f"C{k}", **{**style, "lw": 0})
    box.set_yscale("log")
    box.set_title(experiment.title, fontsize=9)
    box.legend(fontsize=6, frameon=False)


def example() -> str:
    """Return the numbers of the page's example."""
    antibody = imo.load_model("mouse_pd1_inhibitor", variant="rmp1_14")
    model = imo.combine(imo.load_model("mouse_tumour_immune", variant="MC38"), antibody, "radiotherapy")
    drug = imo.Regimen().dose("anti_pd1", "10 mg/kg", every="3 days", count=4)
    arms = {"control": None, "antibody": drug, "both": drug + imo.Regimen().dose("radiotherapy", "8 Gy")}
    volumes = {arm: imo.simulate(model, regimen, times=[0, 14])["tumour_volume"][1] for arm, regimen in arms.items()}
    return str({arm: round(float(volume)) for arm, volume in volumes.items()})


def main(folder: Path) -> None:
    """Write the page and its figure."""
    results = {}
    for name, (file, part) in PARTS.items():
        if (folder / file).is_file():
            experiment = part(folder)
            results[name] = (experiment, experiment.fit())
    rows = "\n".join(line(*one) for one in results.values())
    notes = "\n".join(f"- {e.title}: {e.text}" for e, _ in results.values())
    draw(results)
    PAGE.write_text(HEAD + rows + "\n\n" + notes + "\n" + TAIL.replace("{NUMBERS}", example()), encoding="utf-8")


if __name__ == "__main__":
    beside = HERE.parents[1].parent / "shared" / "data"
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", beside)))
