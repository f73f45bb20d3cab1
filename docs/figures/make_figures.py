"""Make the figures of README and docs from the package itself. Run: python docs/figures/make_figures.py (or make figures)."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

import immunoode as imo

HERE = Path(__file__).parent


def combination() -> None:
    """Pembrolizumab, radiotherapy, and both, of one patient: the figure of the README."""
    antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
    model = imo.combine("tumour_immune", antibody, "radiotherapy", "radiation_pdl1")
    pembrolizumab = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
    radiotherapy = imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=10, start="6 weeks", weekdays=True)
    scenarios = {
        "untreated": None,
        "pembrolizumab": pembrolizumab,
        "radiotherapy": radiotherapy,
        "both": pembrolizumab + radiotherapy,
    }
    axes = imo.compare(model, scenarios, until="1 year").plot()
    axes["size"].figure.savefig(HERE / "combination.png", dpi=110)


def grid() -> None:
    """When radiotherapy starts and how many antibody doses are given, in a patient whose T cells are primed poorly."""
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"), "radiotherapy")
    model = model.with_values(priming_rate=1500)

    def regimen(start: int, doses: int) -> imo.Regimen:
        antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=doses, over="30 min")
        return antibody + imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=5, start=start, weekdays=True)

    axes = {"start of radiotherapy (day)": [0, 14, 42, 84, 168], "pembrolizumab doses": [1, 4, 8, 17]}
    box = imo.scenario.grid(model, regimen, axes, until="1 year", summary="final_change").plot()
    box.figure.savefig(HERE / "grid.png", dpi=110)


def timeline() -> None:
    """A regimen of the library as a timeline."""
    imo.load_regimen("chemoradiation_durvalumab").plot().figure.savefig(HERE / "timeline.png", dpi=110)


def phase_plane() -> None:
    """A dormant tumour where nullclines cross."""
    ranges = {"tumour": (0.0, 6e4), "effectors": (0.0, 6e4)}
    axes = imo.plot.phase_plane("kirschner1998", "tumour", "effectors", others="quasi-steady", ranges=ranges)
    axes.figure.savefig(HERE / "phase_plane.png", dpi=75, bbox_inches="tight")


def endpoints() -> None:
    """Figures of response and survival of a trial that is simulated."""
    random = np.random.default_rng(4)
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=35, over="30 min")
    runs = {}
    for arm, regimen in (("control", None), ("pembrolizumab", antibody)):
        people = pd.DataFrame(
            {
                "growth_rate": 0.006 * random.lognormal(0, 0.5, 30),
                "kill_rate": np.clip(0.7 * random.lognormal(0, 0.8, 30), 0.1, 20),
                "baseline_sum_of_diameters": np.clip(70 * random.lognormal(0, 0.4, 30), 20, 200),
            }
        )
        options = {"until": "2 years", "outputs": ["sum_of_diameters"], "times": np.arange(0, 731, 7.0), "progress": False}
        runs[arm] = imo.simulate(model, regimen, parameters=people, **options)
    trial = imo.virtual_trial.observe(
        runs, new_lesions=imo.virtual_trial.Hazard(0.3, 0.5), death=imo.virtual_trial.Hazard(0.5, 1.0), seed=4
    )
    responses = imo.recist(trial)
    died = trial.endpoints.query("event").set_index("subject")["time"].to_dict()
    figure, boxes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
    imo.plot.waterfall(responses, ax=boxes[0, 0])
    imo.plot.spider(responses, ax=boxes[0, 1])
    imo.plot.swimmer(responses, deaths=died, ax=boxes[1, 0])
    imo.kaplan_meier(trial, "OS").plot(ax=boxes[1, 1])
    figure.savefig(HERE / "endpoints.png", dpi=75)


def plausible_patients() -> None:
    """Patients of one distribution, of which implausible ones are rejected, or perturbed."""
    from immunoode.virtual_population import LogNormal, PlausibilityCriterion, sample_plausible_patients

    rates = {"growth_rate": LogNormal(0.002, 0.8), "shrinkage_rate": LogNormal(0.004, 0.6)}
    criteria = (
        PlausibilityCriterion("sum_of_diameters", upper="120 mm", at="1 year"),
        PlausibilityCriterion("sum_of_diameters", lower="30 mm", between=(0, "1 year")),
    )
    figure, boxes = plt.subplots(1, 2, figsize=(10, 4.4), sharex=True, sharey=True, layout="constrained")
    for box, method in zip(boxes, ("reject", "perturb"), strict=True):
        made = sample_plausible_patients("ribba2022", rates, 400, criteria, method=method, seed=1)
        excluded, moved = made.drawn.excluded(), made.patients[made.distance > 0]
        kept = made.patients[made.distance == 0]
        box.loglog(excluded["growth_rate"], excluded["shrinkage_rate"], ".", color="0.75", label="implausible as drawn")
        box.loglog(kept["growth_rate"], kept["shrinkage_rate"], ".", color="#0072B2", label="plausible as drawn")
        if len(moved):
            box.loglog(moved["growth_rate"], moved["shrinkage_rate"], ".", color="#D55E00", label="perturbed")
        box.set(title=f'method="{method}": {len(excluded) + len(kept)} drawn', xlabel="growth rate (1/day)")
    boxes[0].set_ylabel("shrinkage rate (1/day)")
    boxes[1].legend(loc="lower right", fontsize="small")
    figure.savefig(HERE / "plausible_patients.png", dpi=75)


def independent_action() -> None:
    """A simulated trial of two drugs and both, beside independent action and clinical additivity."""
    rng, n = np.random.default_rng(4), 200
    times = {"A": rng.exponential(150, n), "B": rng.exponential(200, n)}
    times["A + B"] = np.maximum(rng.exponential(150, n), rng.exponential(200, n))
    last = rng.uniform(300, 900, 3 * n)
    trial = pd.DataFrame({"arm": np.repeat(list(times), n), "time": np.concatenate(list(times.values()))})
    trial = trial.assign(event=trial["time"] <= last, time=np.minimum(trial["time"], last), endpoint="PFS")
    found = imo.independent_action("A", "B", "A + B", data=trial, correlation=0, first_scan="6 weeks")
    found.plot().figure.savefig(HERE / "independent_action.png", dpi=110)


def growth_synergy() -> None:
    """Simulated mice in four groups, with the linear mixed model and indices over time."""
    rng, days, rows = np.random.default_rng(1), np.arange(0, 31, 3.0), []
    for group, rate in {"vehicle": 0.08, "A": 0.07, "B": 0.06, "A + B": 0.03}.items():
        for k in range(8):
            own = rate + 0.008 * rng.standard_normal()
            volume = 150 * np.exp(own * days + 0.15 * rng.standard_normal(len(days)))
            rows.append(pd.DataFrame({"subject": f"{group} {k}", "arm": group, "time": days, "value": volume}))
    found = imo.synergy(pd.concat(rows), "A", "B", "A + B", control="vehicle")
    found.plot()["growth"].figure.savefig(HERE / "growth_synergy.png", dpi=110)


if __name__ == "__main__":
    combination()
    grid()
    timeline()
    phase_plane()
    endpoints()
    plausible_patients()
    independent_action()
    growth_synergy()
