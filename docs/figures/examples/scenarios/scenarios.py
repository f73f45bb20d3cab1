"""Scenarios over a dosing calendar."""

import immunoode as imo

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
imo.compare(model, scenarios, until="1 year").plot()
