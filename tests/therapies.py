"""The seven therapies on the base, each with a year of dosing as given in practice: shared by tests of combinations."""

from functools import reduce
from itertools import combinations
from operator import add

import immunoode as imo

MODELS = {
    "pd1_inhibitor": ("pd1_inhibitor", "pembrolizumab"),
    "ctla4_inhibitor": ("ctla4_inhibitor", "ipilimumab"),
    "car_t": ("car_t", None),
    "vaccine": ("vaccine", None),
    "adoptive_t_cell": ("adoptive_t_cell", None),
    "chemotherapy": ("chemotherapy", "cisplatin"),
    "radiotherapy": ("radiotherapy", None),
}
SUBSETS = [subset for size in range(1, len(MODELS) + 1) for subset in combinations(MODELS, size)]


def regimen_of(therapy):
    """Return a year of one therapy."""
    regimen = imo.Regimen()
    match therapy:
        case "pd1_inhibitor":
            return regimen.dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
        case "ctla4_inhibitor":
            return regimen.dose("ipilimumab", "3 mg/kg", every="3 weeks", count=4, over="90 min")
        case "car_t":
            return regimen.dose("car_t", "3e8 cells", start="30 days")
        case "vaccine":
            unit = imo.load_model("vaccine").inputs["dose"].unit
            return regimen.dose("vaccine", f"1 {unit}", every="2 weeks", count=6)
        case "adoptive_t_cell":
            cells = regimen.dose("adoptive_t_cell", "5e10 cells", start="60 days", over="30 min")
            return cells.dose("adoptive_t_cell_il2", "600000 IU/kg", every="8 hours", count=6, start="61 days", over="15 min")
        case "chemotherapy":
            return regimen.dose("cisplatin", "75 mg/m2", every="3 weeks", count=4, over="1 hour")
        case "radiotherapy":
            return regimen.dose("radiotherapy", "2 Gy", every="1 day", count=30, start="1 week", weekdays=True)
    raise AssertionError(therapy)


def combined(subset, base="tumour_immune"):
    """Return the model and the regimen of some therapies together."""
    model = imo.combine(base, *(imo.load_model(name, variant=variant) for name, variant in map(MODELS.get, subset)))
    return model, reduce(add, map(regimen_of, subset))
