"""An optimal schedule."""

import immunoode as imo

model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
regimen = imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=4)
best = imo.optimise(
    model,
    regimen,
    "16 weeks",
    choose={f"amount(docetaxel, {k})": (0, 150) for k in range(4)},
    minimise="sum_of_diameters: final",
    subject_to=["cumulative(docetaxel) <= 350"],
    starts=1,
    flatness=False,
)
best.plot()
