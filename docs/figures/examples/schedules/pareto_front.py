"""Pareto front of benefit and dose."""

import immunoode as imo

model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
front = imo.optimisation.pareto_front(
    model,
    imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=2),
    "8 weeks",
    choose={"amount(docetaxel, 0)": (0, 200), "amount(docetaxel, 1)": (0, 200)},
    minimise="sum_of_diameters: final",
    against="cumulative(docetaxel)",
    points=5,
    starts=1,
)
front.plot()
