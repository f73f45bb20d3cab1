"""Every shipped model and variant as a closed model with something given, and random draws of its parameters."""

import numpy as np

import immunoode as imo
from immunoode.demo import STANDARD
from immunoode.model.closed_model import resolve

PARTNERS = {
    "car_t_pd1": ("car_t", ("pd1_inhibitor", "nivolumab")),
    "radiation_pdl1": ("radiotherapy", ("pd1_inhibitor", "durvalumab")),
    "myelosuppression": (("chemotherapy", "docetaxel"), ("chemotherapy", "paclitaxel")),
    "radioligand": ("radiotherapy",),
    "radiosensitisation": ("radiotherapy", ("chemotherapy", "cisplatin")),
}
"""What an interaction is between."""
CASES = [(name, variant or None) for name, text in imo.list_models()["variants"].items() for variant in str(text).split(", ")]
DAYS = 200.0
WIDE = 30.0
"""How far parameters without bounds are drawn from their value, as a factor."""


def name_of(case):
    return "-".join(filter(None, case))


def whole(name, variant):
    """Return a closed model: therapies, terms and interactions on the base."""
    model = imo.load_model(name, variant=variant)
    if model.kind in ("base", "published"):
        return model
    partners = [imo.load_model(*((p,) if isinstance(p, str) else p)) for p in PARTNERS.get(name, ())]
    return imo.combine("tumour_immune", *partners, model)


def given(model):
    """Return a schedule with three doses of each input: usual ones where they are known, else one unit every three weeks."""
    inputs = {name: target.unit for name, target in resolve(model).equations.inputs.items()}
    values = dict(zip(resolve(model).equations.parameters, resolve(model).equations.values, strict=True))
    usual = {**{name: amount for name, (amount, _) in STANDARD.items()}, "car_t": "3e8 cells", "adoptive_t_cell": "5e10 cells"}
    usual |= {name: "1e-10 g/cm^3" for name, unit in inputs.items() if unit == "g/cm^3"}  # 1 would be as dense as water
    regimen = imo.Regimen()
    for name in inputs:
        one = imo.Regimen().dose(name, usual.get(name, 1.0), every=21, count=3, start=5)
        try:
            one.schedule(inputs, values)
        except imo.errors.RegimenError:  # in a unit of its own
            one = imo.Regimen().dose(name, 1.0, every=21, count=3, start=5)
        regimen += one
    return regimen.schedule(inputs, values)


def draws(model, count, seed):
    """Return (count, n) parameter values within bounds, log-uniform where these are positive."""
    random = np.random.default_rng(seed)
    columns = []
    for p in model.constants.values():
        low, high = p.bounds if p.bounds else (p.value / WIDE, p.value * WIDE)
        low, high = min(low, high), max(low, high)
        if not np.isfinite(high):
            high = max(abs(p.value), low, 1e-12) * WIDE
        if not np.isfinite(low):
            low = -high
        u = random.random(count)
        columns.append(np.exp(np.log(low) + u * (np.log(high) - np.log(low))) if low > 0 else low + u * (high - low))
    return np.column_stack(columns)
