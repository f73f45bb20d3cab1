"""Fits to published data, with figures and the page docs/fits.md. Run: python docs/fits/real_data_fits.py [FOLDER].

The folder with the data is the argument, or what IMMUNOODE_DATA names, or ../shared/data beside the repository. The
data are not part of the package; a part whose file is not there is left out and the page says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import immunoode as imo
from immunoode.fitting.fit import fit
from immunoode.fitting.per_subject import EachResult, fit_each
from immunoode.fitting.result import FitResult
from immunoode.trial.lesion_table import read_lesions
from immunoode.trial.long_table import read_trial

HERE = Path(__file__).parent
CELLS_PER_MM3 = 1e6
"""A volume of tumour in cells, by custom 1e9 in a mL: the published models of the mouse count cells."""
MOUSE = {
    "number_of_lesions": 1,
    "cell_density": 1e9,
    "capacity": 5e9,
    "growth_rate": 0.25,
    "turnover_rate": 0.05,
    "clearance_rate": 0.3,
    "baseline_sum_of_diameters": 5,
    "antigen_half_saturation": 1e7,
    "killing_half_saturation": 1e7,
    "effector_capacity": 1e7,
    "priming_rate": 1e5,
    "recruitment_rate": 1e5,
    "surveillance_rate": 1e3,
}
"""tumour_immune_0_1 at the scale of a mouse: a tumour of mL, days instead of months, a thousandth of the T cells."""


def rescaled(model: imo.Model, values: dict[str, float]) -> imo.Model:
    """Return the model with other values, also outside the bounds that hold for patients."""

    def table(part: dict[str, imo.model.Parameter]) -> dict[str, imo.model.Parameter]:
        return {n: replace(p, value=values[n], bounds=None) if n in values else p for n, p in part.items()}

    return replace(model, parameters=table(dict(model.parameters)), covariates=table(dict(model.covariates)))


def save(name: str) -> str:
    """Save the current figure; return the line that shows it."""
    plt.savefig(HERE / f"{name}.png", dpi=75)
    plt.close("all")
    return f"![{name.replace('_', ' ')}](fits/{name}.png)\n"


def markdown(table: pd.DataFrame) -> str:
    """Return a table as markdown."""
    text = table.map(lambda x: f"{x:.4g}" if isinstance(x, float) else str(x))
    rows = ["| " + " | ".join([table.index.name or "", *map(str, table.columns)]) + " |", "|---" * (table.shape[1] + 1) + "|"]
    rows += ["| " + " | ".join([str(i), *row]) + " |" for i, row in zip(table.index, text.to_numpy(), strict=True)]
    return "\n".join(rows) + "\n"


def shared(result: FitResult) -> str:
    """Return the parameters that are not of one subject alone, and how the fit ended."""
    table = result.to_frame().drop(columns=["start", "lowest", "highest"])
    own = {k for s in result.parameterisation.fitted_parameters if s.sharing == "per_subject" for k in s.keys}
    state = "Converged" if result.success else "Did not converge"
    errors = "; ".join(
        f"{q}: {m.describe(r, u)}"
        for q, u, m, r in zip(
            result.observations.quantities, result.observations.units, result.least_squares.errors, result.ratios, strict=True
        )
    )
    line = (
        f"{state} in {result.seconds:.1f} s; {len(result.observations)} observations, {result.lmfit.nvarys} parameters "
        f"({len(own)} of single subjects, not shown); errors {errors}; median relative error "
        f"{100 * result.relative_error:.0f} %; AIC {result.aic:.1f}.\n"
    )
    return line + "\n" + markdown(table.drop(index=[k for k in table.index if k in own]))


# ------------------------------------------------------------------------------------------------ lung cancer, patients


def lung_cancer(folder: Path) -> str:
    """Every patient of the atezolizumab trials with six or more evaluable visits, on its own."""
    file = folder / "nsclc_atezolizumab_supplement_layout.xlsx"
    data = read_lesions(file if file.is_file() else folder / "nsclc_atezolizumab_target_lesions.csv").select(at_least=6)
    model = imo.combine("tumour_immune_0_1", imo.load_model("pd1_inhibitor", variant="atezolizumab"))
    regimen = imo.Regimen().dose("atezolizumab", "1200 mg", every="3 weeks", count=35, over="60 min")
    wide = {"kill_rate": (1e-3, 1e3)}
    two = fit_each(model, data, ["growth_rate", "kill_rate"], regimens=regimen, error="additive", bounds=wide)
    three = fit_each(
        model, data, ["growth_rate", "priming_rate", "killing_half_saturation"], regimens=regimen, error="additive"
    )
    text = ["## Lung cancer: sum of diameters of patients under atezolizumab or docetaxel\n", LUNG]
    text.append(
        markdown(
            pd.DataFrame(
                [_each("growth_rate, kill_rate", two), _each("growth_rate, priming_rate, killing_half_saturation", three)]
            ).set_index("varied")
        )
    )
    text.append("By arm, with two parameters:\n\n" + markdown(_by_arm(two)))
    text += [_patients(two, three), _errors(two, three)]
    return "\n".join(text)


LUNG = """\
Every patient with six or more evaluable visits is fitted separately: `tumour_immune_0_1` with `pd1_inhibitor` (atezolizumab,
1200 mg every three weeks), starting from the last visit before treatment, additive errors. The published table has one target
lesion per patient, which is taken as the sum of diameters. It does not say which arm had which drug (one arm of Study 2 had
docetaxel). All patients are fitted with the model of atezolizumab, so for the patients who had docetaxel the fit shows only
that the model can follow their growth and decline.
"""


def _each(name: str, each: EachResult) -> dict[str, object]:
    table = each.to_frame()
    good = table[table["converged"].astype(bool)]
    return {
        "varied": name,
        "patients": len(table),
        "converged": f"{100 * len(good) / len(table):.1f} %",
        "median relative error": f"{100 * good['relative_error'].median():.1f} %",
        "median error (mm)": float(good["rmse"].median()),
        "under 10 %": f"{100 * (good['relative_error'] < 0.1).mean():.0f} %",
        "over 30 %": f"{100 * (good['relative_error'] > 0.3).mean():.0f} %",
        "a parameter at a bound": f"{100 * good['beware'].str.contains('bound').mean():.0f} %",
        "seconds per patient": float(table["seconds"].median()),
    }


def _by_arm(each: EachResult) -> pd.DataFrame:
    rows = each.to_frame()
    rows = rows[rows["converged"].astype(bool)].groupby("arm")
    table = rows.agg(
        patients=("rmse", "size"),
        relative_error=("relative_error", "median"),
        error_mm=("rmse", "median"),
        growth_rate=("growth_rate", "median"),
        kill_rate=("kill_rate", "median"),
    )
    return table


def _patients(two: EachResult, three: EachResult) -> str:
    """Draw twelve patients from the best fit to the worst."""
    table = two.to_frame()
    order = table[table["converged"].astype(bool)]["rmse"].sort_values().index
    chosen = [order[int(i)] for i in np.linspace(0, len(order) - 1, 12)]
    _, axes = plt.subplots(3, 4, figsize=(12, 7.5), layout="constrained")
    for box, subject in zip(axes.ravel(), chosen, strict=True):
        for each, colour, label in ((two, "#0072B2", "two parameters"), (three, "#D55E00", "three parameters")):
            if subject in each.results:
                curve = each[subject].predict(each[subject].grid(100))
                box.plot(curve["time"], curve["predicted"], color=colour, label=label)
        seen = two[subject]
        box.scatter(seen.data.frame["time"], seen.data.frame["value"], color="black", s=14, label="observed", zorder=3)
        box.set_title(f"{table.loc[subject, 'arm']}, error {table.loc[subject, 'rmse']:.1f} mm", fontsize="small")
        top = 1.15 * seen.data.frame["value"].max()
        box.set(xlabel="time (days)", ylabel="sum of diameters (mm)", ylim=(0, top))
    axes[0, 0].legend(fontsize="x-small")
    return save("lung_cancer_patients") + "\nTwelve patients, at equal steps from the best fit to the worst.\n"


def _errors(two: EachResult, three: EachResult) -> str:
    _, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for each, colour, label in ((two, "#0072B2", "two parameters"), (three, "#D55E00", "three parameters")):
        frame = pd.concat([r.predict() for r in each.results.values()])
        axes[0].scatter(frame["predicted"], frame["observed"], s=4, alpha=0.4, color=colour, label=label)
        values = each.to_frame()["relative_error"].dropna().sort_values()
        axes[1].plot(100 * values, np.linspace(0, 100, len(values)), color=colour, label=label)
    axes[0].plot([0, 170], [0, 170], color="black", lw=0.8)
    axes[0].set(xlabel="predicted (mm)", ylabel="observed (mm)", xlim=(0, 170), ylim=(0, 170))
    axes[1].set(xlabel="median relative error of a patient (%)", ylabel="patients (%)", xlim=(0, 100))
    axes[1].legend(fontsize="small")
    return save("lung_cancer_errors")


# ---------------------------------------------------------------------------------------------------- CAR-T, leukaemia


CAR_T = """\
CAR-T and CD19-positive leukaemia cells of 14 patients (7 in continuous remission, CR, 7 without response, NR), fitted
separately, from the patient's own burden at day 0, with log-normal errors of the same size for both. Two models: `car_t` on the
base `b_cell_malignancy` (variant leukaemia, lymphocytes at 3 % on day 0, no healthy B cells then) with six parameters and a
nominal dose of 1e8 cells (the table has no dose; the engrafted fraction absorbs the difference); and `leontriana2021` with four
parameters (an initial number of cells instead of a dose; bounds ten times wider than those of the model). The lowest value of
most patients is 0.2e9 cells: it is taken as a limit of quantification, and these observations as below it. Zeros at day 0,
before the infusion, are left out. Each fit is started twice, from a small and a large kill rate, and the better result is kept.
"""
CAR_T_BOUNDS = {
    "car_t_engrafted_fraction": (1e-5, 10.0),
    "car_t_kill_rate": (0.01, 100.0),
    "car_t_expansion_rate": (0.1, 5.0),
    "lymphocyte_turnover": (1e-3, 0.5),
    "car_t_memory_rate": (1e-6, 0.1),
    "car_t_contraction_rate": (0.01, 2.0),
}
CAR_T_FIXED = {"car_t_expansion_capacity": 1e14, "initial_lymphocyte_fraction": 0.03, "initial_b_cell_fraction": 0.0}
LEON_BOUNDS = {
    "kill_rate": (1e-16, 1e-8),
    "expansion_rate": (1e-16, 1e-8),
    "car_t_life": (0.5, 400.0),
    "initial_car_t_cells": (1e3, 1e13),
}


def car_t_data(folder: Path, leukaemia: str, cells: str) -> imo.TrialData:
    """Return the patients' cells under the names that a model has for them."""
    table = pd.read_csv(folder / "car_t_patients.csv")
    table = table[table["value"] > 0]
    names = {"CAR_T_1e9_cells": cells, "CD19pos_BALL_1e9_cells": leukaemia}
    table = table.assign(
        quantity=table["observable"].map(names),
        arm=table["response"],
        value=table["value"] * 1e9,
        censoring=np.where(np.isclose(table["value"], 0.2), "left", ""),
    )
    columns = ["subject", "arm", "day", "quantity", "value", "censoring"]
    return read_trial(table[columns], units="cell", bad_rows="leave out", title="CAR-T patients (Liu 2022)")


def better(one: EachResult, two: EachResult) -> EachResult:
    """Return the better fit of each subject."""
    best = {
        s: min((e[s] for e in (one, two) if s in e.results), key=lambda r: r.deviance)
        for s in dict.fromkeys([*one.results, *two.results])
    }
    return EachResult(best, {s: why for s, why in one.failed.items() if s not in best})


def car_t(folder: Path) -> str:
    """CAR-T and leukaemia cells of patients."""
    data = car_t_data(folder, "tumour_cells", "car_t_cells")
    model = imo.combine(imo.load_model("b_cell_malignancy", variant="leukaemia"), "car_t")
    how = {"error": "lognormal", "pool": True}
    starts = [{"car_t_expansion_rate": 1.8, "car_t_kill_rate": k, "car_t_memory_rate": 3e-4} for k in (0.2, 4.0)]
    own = better(
        *[
            fit_each(
                model,
                data,
                list(CAR_T_BOUNDS),
                regimens=imo.Regimen().dose("car_t", "1e8 cell"),
                initial=start,
                parameters=CAR_T_FIXED,
                bounds=CAR_T_BOUNDS,
                **how,
            )
            for start in starts
        ]
    )
    data = car_t_data(folder, "leukaemia", "car_t_cells")
    leon = better(
        *[
            fit_each(
                "leontriana2021",
                data,
                list(LEON_BOUNDS),
                bounds=LEON_BOUNDS,
                parameters={"initial_b_cells": 0.0},
                initial={"kill_rate": k, "expansion_rate": 1e-12},
                **how,
            )
            for k in (1e-13, 4.5e-11)
        ]
    )
    lines = ["## CAR-T cells and leukaemia in patients\n", CAR_T]
    for name, each, vary in (("car_t", own, CAR_T_BOUNDS), ("leontriana2021", leon, LEON_BOUNDS)):
        lines += [f"`{name}`: {each.report()}.\n", markdown(_car_t_table(each, list(vary)))]
        lines += ["Not fitted:\n", *[f"- {s}: {why}" for s, why in each.failed.items()], ""]
    return "\n".join([*lines, _car_t_figure(own, leon)])


def _car_t_table(each: EachResult, vary: list[str]) -> pd.DataFrame:
    table = each.to_frame()
    table["sd of log"] = pd.Series({s: float(r.least_squares.errors[0].scale.s) for s, r in each.items()})
    return table.loc[list(each), ["converged", "observations", *vary, "sd of log", "aic"]]


def _car_t_figure(own: EachResult, leon: EachResult) -> str:
    _, axes = plt.subplots(3, 4, figsize=(12, 8), layout="constrained")
    for box in axes.ravel()[len(own) :]:
        box.set_visible(False)
    for box, (subject, result) in zip(axes.ravel(), own.items(), strict=False):
        for each, names, style in ((own, ("car_t_cells", "tumour_cells"), "-"), (leon, ("car_t_cells", "leukaemia"), "--")):
            _cells(box, each[subject], names, style, "" if each is own else ", leontriana2021")
        _cell_points(box, result)
        box.set(yscale="log", ylim=(1e7, 1e14), xlabel="time (days)", ylabel="cells")
        box.set_title(subject, fontsize="small")
    axes[0, 0].legend(fontsize="xx-small")
    return save("car_t_patients") + "\nTriangles: below the limit.\n"


def _cells(box: plt.Axes, result: FitResult, names: tuple[str, str], style: str, note: str) -> None:
    curves = result.predict(result.grid(200))
    for quantity, colour, label in zip(names, ("#0072B2", "#D55E00"), ("CAR-T cells", "leukaemia"), strict=True):
        line = curves[curves["quantity"] == quantity]
        box.plot(line["time"], line["predicted"], color=colour, ls=style, label=label + note)


def _cell_points(box: plt.Axes, result: FitResult) -> None:
    for quantity, colour in (("car_t_cells", "#0072B2"), ("tumour_cells", "#D55E00")):
        points = result.data.frame[result.data.frame["quantity"] == quantity]
        for kind, marker in (("", "o"), ("left", "v")):
            part = points[points["censoring"] == kind]
            box.scatter(part["time"], part["value"], color=colour, marker=marker, s=16)


# ------------------------------------------------------------------------------------------------- 2 x 2, mice


ANTI_PD1 = """\
4T1 tumours of 41 mice: control, GABA, anti-PD-1, both. The table does not say when and how much was given, so the treatment is
represented by the parameter that it changes: `tumour_immune_0_1` at the scale of a mouse, from day 7, with one growth rate for
all, a separate PD-1 brake for each arm (pd1_inhibition), a starting size for each mouse, and log-normal errors.
"""


def anti_pd1(folder: Path) -> str:
    """The 2 x 2 experiment with anti-PD-1."""
    data = read_trial(
        folder / "mouse_4t1_gaba_antipd1.csv",
        {"value": "volume_mm3"},
        "mm^3",
        quantity="tumour_volume",
        title="4T1, GABA and anti-PD-1",
    )
    model = rescaled(imo.load_model("tumour_immune_0_1"), {**MOUSE, "priming_rate": 1e6, "recruitment_rate": 1e6})
    how = {"observe": "tumour_volume", "error": "lognormal", "start": 7.0, "per_subject": ["baseline_sum_of_diameters"]}
    bounds = {"growth_rate": (0.02, 1.5), "baseline_sum_of_diameters": (0.5, 20.0), "pd1_inhibition": (0.01, 300.0)}
    how |= {"bounds": bounds, "initial": {"pd1_inhibition": 0.5, "growth_rate": 0.4}}
    same = fit(model, data, ["growth_rate", "pd1_inhibition"], **how)
    arms = fit(model, data, ["growth_rate"], per_arm=["pd1_inhibition"], **how)
    each = fit(model, data, ["pd1_inhibition"], per_arm=["growth_rate"], **how)
    arms.plot(by="arm", log=True)
    text = ["## The 2 x 2 experiment with anti-PD-1, mice\n", ANTI_PD1, shared(arms), save("anti_pd1_mice")]
    text.append(
        f"AIC without any difference between arms {same.aic:.1f}; with a separate PD-1 brake for each arm "
        f"{arms.aic:.1f}; with a separate growth rate for each arm {each.aic:.1f}.\n"
    )
    text.append("With growth rates by arm:\n\n" + shared(each))
    text.append(_interaction(each))
    return "\n".join(text)


def _interaction(result: FitResult) -> str:
    """Return the departure from additive effects on the growth rate, with its standard error."""
    fitted = next(s for s in result.parameterisation.fitted_parameters if s.name == "growth_rate")
    keys = dict(zip(fitted.labels, fitted.varied, strict=True))
    weights = {"Ctrl": 1.0, "Anti-PD1": -1.0, "GABA": -1.0, "GABA+anti-PD1": 1.0}
    names = list(result.lmfit.var_names)
    vector = np.zeros(len(names))
    for arm, weight in weights.items():
        vector[names.index(keys[arm])] = weight
    value = float(sum(w * result.lmfit.params[keys[a]].value for a, w in weights.items()))
    error = float(np.sqrt(vector @ result.lmfit.covar @ vector))
    return (
        f"Interaction on the logarithm of the growth rate (both - GABA - anti-PD-1 + control): {value:+.3f} with standard "
        f"error {error:.3f}; below zero would be synergy.\n"
    )


# ------------------------------------------------------------------------------------------- radiation, mice


RADIATION = """\
MC38 tumours of mice after 0, 4, 8 and 15 Gy (group means; wild type, irradiated at about 100 mm3), fitted jointly:
`tumour_immune_0_1` at the scale of a mouse with `radiotherapy`. The table does not say the day of irradiation; day 8, the first
day on which irradiated arms are reported, is assumed. Errors are log-normal, with a starting size for each arm. The single
value before day 8 is left out.
"""


def radiation(folder: Path) -> str:
    """Radiation dose arms, jointly."""
    table = pd.read_csv(folder / "mouse_mc38_radiation.csv")
    table = table[(table["file"] == "WTl100") & (table["day"] >= 8)]
    arm = table["series"].map({1: "0 Gy", 2: "4 Gy", 3: "8 Gy", 4: "15 Gy"})
    table = pd.DataFrame({"subject": arm, "arm": arm, "day": table["day"], "value": table["cells_or_um3"] / CELLS_PER_MM3})
    table = table.iloc[np.argsort([float(a.split()[0]) for a in table["arm"]], kind="stable")]
    data = read_trial(table, units="mm^3", quantity="tumour_volume", title="MC38, radiation")
    model = imo.combine(rescaled(imo.load_model("tumour_immune_0_1"), MOUSE), "radiotherapy")
    regimens = {a: None if a == "0 Gy" else imo.Regimen().dose("radiotherapy", a, start=8) for a in data.arms}
    how = {"regimens": regimens, "error": "lognormal", "start": 7.9, "per_subject": ["baseline_sum_of_diameters"]}
    bounds = {"growth_rate": (0.05, 1.5), "baseline_sum_of_diameters": (1.0, 15.0), "capacity": (1e8, 1e11)}
    vary = ["growth_rate", "capacity", "clearance_rate", "radiotherapy_alpha"]
    model = rescaled(model, {"radiotherapy_alpha_beta_ratio": 1e6})
    linear = fit(model, data, vary, bounds=bounds, **how)
    quadratic = fit(
        model,
        data,
        [*vary, "radiotherapy_alpha_beta_ratio"],
        bounds={**bounds, "radiotherapy_alpha_beta_ratio": (0.5, 1e6)},
        initial={"radiotherapy_alpha_beta_ratio": 10.0},
        **how,
    )
    linear.plot(by="arm", log=True, bands=True)
    text = ["## Radiation dose arms, mice\n", RADIATION, shared(linear), save("radiation_mice")]
    text.append("With the ratio alpha/beta fitted as well (above, the quadratic term is left out):\n\n" + shared(quadratic))
    return "\n".join(text)


# --------------------------------------------------------------------------------------------- adoptive transfer, mice


ADOPTIVE = f"""\
EG7 tumours of mice, untreated and with transferred OT-I T cells at day 0. The table has no number of cells: a nominal 1e7 is
assumed, so that only the product of kill rate and dose is meaningful. The model is `kuznetsov1994` with transferred effectors
alone (no source, no recruitment), {CELLS_PER_MM3:g} cells per mm3, a starting size for each mouse, and log-normal errors.
"""


def adoptive_transfer(folder: Path) -> str:
    """Adoptive transfer of T cells."""
    table = pd.read_csv(folder / "mouse_eg7_adoptive_ctl.csv")
    table = table.assign(value=table["volume_mm3"] * CELLS_PER_MM3).drop(columns="volume_mm3")
    data = read_trial(table, units="cell", quantity="tumour", title="EG7, adoptive transfer")
    model = rescaled(
        imo.load_model("kuznetsov1994"),
        {"growth_rate": 0.6, "effector_source": 0.0, "initial_effectors": 0.0, "recruitment_rate": 0.0},
    )
    regimens = {"untreated": None, "ctl": imo.Regimen().dose("effector_transfer", "1e7 cell")}
    result = fit(
        model,
        data,
        ["growth_rate", "inverse_capacity", "kill_rate", "effector_death"],
        per_subject=["initial_tumour"],
        regimens=regimens,
        error="lognormal",
        bounds={
            "growth_rate": (0.05, 3),
            "kill_rate": (1e-10, 1e-5),
            "effector_death": (1e-3, 3),
            "initial_tumour": (1e5, 1e9),
        },
    )
    result.plot(by="arm", log=True)
    return "\n".join(["## Adoptive transfer, mice\n", ADOPTIVE, shared(result), save("adoptive_transfer_mice")])


PARTS: dict[str, tuple[str, Callable[[Path], str]]] = {
    "lung_cancer": ("nsclc_atezolizumab_target_lesions.csv", lung_cancer),
    "car_t": ("car_t_patients.csv", car_t),
    "anti_pd1": ("mouse_4t1_gaba_antipd1.csv", anti_pd1),
    "radiation": ("mouse_mc38_radiation.csv", radiation),
    "adoptive_transfer": ("mouse_eg7_adoptive_ctl.csv", adoptive_transfer),
}


def main(folder: Path) -> None:
    """Write docs/fits.md and its figures."""
    text = [(HERE / "introduction.md").read_text()]
    for name, (file, part) in PARTS.items():
        print(name, flush=True)
        text.append(part(folder) if (folder / file).is_file() else f"({file} was not available: {name} is left out.)\n")
    (HERE.parent / "fits.md").write_text("\n".join(text))


if __name__ == "__main__":
    beside = HERE.parents[1].parent / "shared" / "data"
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", beside)))
