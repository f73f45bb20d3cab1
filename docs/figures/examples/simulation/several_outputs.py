"""Several outputs.

One panel per unit.
"""

import immunoode as imo

antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
model = imo.combine("tumour_immune", antibody, "radiotherapy", "radiation_pdl1")
pembrolizumab = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
radiotherapy = imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=10, start="6 weeks", weekdays=True)
run = imo.simulate(model, pembrolizumab + radiotherapy, until="1 year")
run.plot("sum_of_diameters", "effectors", "pembrolizumab_concentration", "pd1_occupancy")
