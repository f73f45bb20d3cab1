"""Heat map of schedules."""

import immunoode as imo

model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"), "radiotherapy")


def regimen(start: int, doses: int) -> imo.Regimen:
    antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=doses, over="30 min")
    return antibody + imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=5, start=start, weekdays=True)


axes = {"start of radiotherapy (day)": [0, 14, 42, 84, 168], "pembrolizumab doses": [1, 4, 8, 17]}
grid = imo.scenario.grid(model.with_values(priming_rate=1500), regimen, axes, until="1 year", summary="final_change")
grid.plot(contours=True, best="smallest")
