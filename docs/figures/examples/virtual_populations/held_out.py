"""Numbers that were held out."""

import immunoode as imo

vp, vt = imo.virtual_population, imo.virtual_trial
prior = vp.PopulationDistribution(
    {
        "growth_rate": vp.LogNormal(0.0016, 1.0),
        "shrinkage_rate": vp.LogNormal(0.0009, 1.3),
        "baseline_sum_of_diameters": vp.Truncated(vp.LogNormal(70, 0.6), 10, 500),
    }
)
observation = vt.Observation(vt.VisitSchedule("6 weeks", "72 weeks"), death=vt.Hazard(0.25, 1.0))
patients = vt.simulate_patients("ribba2022", prior, {"nivolumab": None}, n=2000, observation=observation, progress=False)
targets = [vp.ResponseRateTarget.objective("nivolumab", 0.20, n=135, trial="CheckMate 017")]
cohort = imo.calibrate(patients, targets)
published = vp.ResponseRateTarget.from_counts("nivolumab", {"CR": 4, "PR": 52, "SD": 74, "PD": 162}, trial="CheckMate 057")
cohort.held_out([published]).plot()
