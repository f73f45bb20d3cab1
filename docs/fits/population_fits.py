"""Population fits to published data, with the page docs/population_fits.md. Run: python docs/fits/population_fits.py [FOLDER].

The folder with the data is the argument, or what IMMUNOODE_DATA names, or ../shared/data beside the repository. The data are
not part of the package; a part whose file is not there is left out and the page says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from real_data_fits import HERE, car_t_data, markdown, save

import immunoode as imo

HEAD = """# Population fits to published data

Made by `docs/fits/population_fits.py` from data that are not part of the package (sources in the text). The functions are
described in [populations.md](populations.md).
"""
LUNG = """The sum of target lesions of patients with non-small-cell lung cancer under atezolizumab or docetaxel (published
supplement, one lesion per row), by the law of Stein and Fojo with additive and proportional errors; every patient's baseline is
estimated, and the arm may be a covariate of growth and shrinkage. According to BIC, one population describes all arms: tumour
sizes alone contain little information about differences between arms, because patients leave when they progress. In the
predictive check, simulated patients leave by the same rule; otherwise the upper quantiles of the simulation would be far above
the data, which include only patients who are still in the study. Standard errors by Laplace's method are not valid for subjects
with few visits; those below are based on products of scores.
"""
MICE = """Breast tumours of 66 mice, untreated (Vaghi 2020). Three models are compared: the Gompertz law with both rates free in
each mouse, and correlated; the reduced law, in which a line common to the population relates them, so that each mouse has one
parameter; and the reduced law with a line through the origin. The paper found that the two rates are almost perfectly
correlated (squared correlation above 0.92); this fit agrees.
"""
CAR_T = """CAR-T cells in the blood of patients (Liu 2022) by the law of Stein 2019: expansion to a peak, contraction,
persistence. Its unit of transgene copies corresponds to 1e9 cells here. Errors are log-normal, and values at the limit of
detection (0.2e9 cells) are censored. The leukaemia is not fitted: neither of the two models tried (`leontriana2021`, and the
therapy `car_t` with its base model) describes all patients, as the fits of each patient in [fits.md](fits.md) show. With so few
patients, standard errors of ten parameters are not reliable, so none are given. The law does not include a second expansion
(patient NR 1).
"""


def lung(folder: Path) -> str:
    """Tumour sizes of lung-cancer patients."""
    data = imo.trial.read_lesions(folder / "nsclc_atezolizumab_target_lesions.csv").select(at_least=2)
    names = ["growth_rate", "shrinkage_rate", "baseline_sum_of_diameters"]
    how = {"random": names, "observe": "sum_of_diameters", "error": "combined", "progress": False}
    plain = imo.fit_population("ribba2022", data, **how)
    arms = imo.fit_population("ribba2022", data, covariates={"growth_rate": "arm", "shrinkage_rate": "arm"}, **how)
    text = ["## Lung cancer: tumour sizes under atezolizumab or docetaxel\n", LUNG]
    text += [f"{len(plain.observations.subjects)} patients, {len(plain.observations)} observations; {arms.seconds:.0f} s.\n"]
    text.append(block(imo.fitting.compare_fits({"one population": plain, "by arm": arms}).to_frame("bic")))
    text.append(markdown(arms.to_frame()[["value", "unit", "rse_percent", "lower", "upper", "shrinkage_percent"]]))
    check = arms.predictive_check(by="arm", dropout="progression")
    check.plot()
    text.append(save("lung_population_check"))
    arms.plot_residuals()
    text.append(save("lung_population_residuals"))
    return "\n".join(text)


def mice(folder: Path) -> str:
    """Breast tumours of mice."""
    data = imo.read_trial(
        folder / "mouse_breast_growth.csv", {"value": "value_mm3"}, "mm^3", quantity="volume", title="LM2-4LUC+ breast tumours"
    )
    model = imo.load_model("vaghi2020")
    how = {"start": 0.0, "baseline": False, "error": "combined", "progress": False}
    full = imo.fit_population(model, data, random=["retardation", "offset"], correlated=True, parameters={"slope": 13.8}, **how)
    tied = imo.fit_population(model, data, ["slope", "offset"], random=["retardation"], **how)
    origin = imo.fit_population(model, data, ["slope"], random=["retardation"], parameters={"offset": 0.0}, **how)
    fits = {"both rates free": full, "tied": tied, "tied through the origin": origin}
    text = ["## Breast tumours of mice: the reduced Gompertz law\n", MICE]
    text.append(block(imo.fitting.compare_fits(fits).to_frame("bic")))
    for name, fit in fits.items():
        text.append(f"{name}:\n\n" + markdown(fit.to_frame()[["value", "unit", "rse_percent", "lower", "upper"]]))
    tied.predictive_check().plot()
    text.append(save("mice_population_check"))
    tied.plot()
    text.append(save("mice_population_individuals"))
    return "\n".join(text)


def car_t(folder: Path) -> str:
    """CAR-T cells of patients."""
    table = car_t_data(folder, "leukaemia", "transgene").frame
    table = table[table["quantity"] == "transgene"]
    counts = table.groupby("subject")["value"].transform("size")
    columns = ["subject", "arm", "time", "quantity", "value", "censoring"]
    cells = table.assign(value=table["value"] / 1e9)[counts >= 4][columns]
    data = imo.read_trial(cells, units="copy/ug", title="CAR-T cells of patients (Liu 2022), 1e9 cells")
    names = {"peak": 1.0, "time_of_peak": 0.3, "contraction_rate": 0.5, "memory_fraction": 1.0}
    fit = imo.fit_population(
        "stein2019",
        data,
        ["fold_expansion"],
        random=names,
        error="lognormal",
        start=0.0,
        distribution={"memory_fraction": "logit"},
        parameters={"memory_loss": 0.0032},
        initial={"peak": 1000.0},
        iterations=(300, 200),
        progress=False,
    )
    text = ["## CAR-T cells of patients\n", CAR_T, f"{len(data.subjects)} patients; {fit.seconds:.1f} s.\n"]
    text.append(markdown(fit.to_frame()[["value", "unit", "shrinkage_percent"]]))
    fit.plot(log=True)
    text.append(save("car_t_population"))
    fit.predictive_check(bins=5).plot(log=True)
    text.append(save("car_t_population_check"))
    return "\n".join(text)


def block(table: pd.DataFrame) -> str:
    """Return a comparison as markdown."""
    return markdown(table[["parameters", "deviance", "aic", "bic", "delta", "weight"]])


PARTS: dict[str, tuple[str, Callable[[Path], str]]] = {
    "lung": ("nsclc_atezolizumab_target_lesions.csv", lung),
    "mice": ("mouse_breast_growth.csv", mice),
    "car_t": ("car_t_patients.csv", car_t),
}


def main(folder: Path) -> None:
    """Fit, draw, write the page."""
    plt.rcParams["font.size"] = 9
    parts = []
    for name, (file, part) in PARTS.items():
        there = (folder / file).is_file()
        parts.append(part(folder) if there else f"*{name}: {file} is not available, so this part is left out.*\n")
        print(name, "done" if there else "left out")
    (HERE.parent / "population_fits.md").write_text("\n".join([HEAD, *parts]))


if __name__ == "__main__":
    beside = HERE.parents[1].parent / "shared" / "data"
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", beside)))
