"""Our own models, written out a second time from their descriptions: the tumour with its T cells, and every therapy on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from papers.solve import Dose, Paper

STATES = {
    "tumour_immune": ("tumour", "doomed", "dying", "antigen", "memory", "effectors", "exhausted", "stroma", "lymphocytes"),
    "metastasis": tuple(f"metastasis_{s}" for s in ("tumour", "doomed", "dying", "effectors", "exhausted", "stroma")),
    "immune_escape": ("immune_escape_cells",),
    "chemoresistant": ("chemoresistant_cells",),
    "radioresistant": ("radioresistant_cells",),
    "pembrolizumab": ("pembrolizumab_central", "pembrolizumab_peripheral"),
    "ipilimumab": ("ipilimumab_central", "ipilimumab_peripheral"),
    "cisplatin": ("cisplatin_central", "cisplatin_effect"),
    "radiotherapy": ("radiotherapy_damage", "radiotherapy_signal"),
    "radiation_pdl1": ("radiation_pdl1_recent_dose",),
    "car_t": tuple(f"car_t_{s}" for s in ("infused", "effectors", "memory", "exhausted", "antigen_negative")),
    "adoptive_t_cell": tuple(f"adoptive_t_cell_{s}" for s in ("infused", "cells", "memory", "il2_central", "il2_peripheral")),
    "vaccine": tuple(f"vaccine_{s}" for s in ("depot", "dendritic", "memory", "regulation")),
}
CLONES = ("immune_escape", "chemoresistant", "radioresistant")
CLONE_CELLS = tuple(f"{name}_cells" for name in CLONES)
LYMPHOCYTES = (
    "memory",
    "metastasis_effectors",
    "metastasis_exhausted",
    "effectors",
    "exhausted",
    "lymphocytes",
    "car_t_infused",
    "car_t_effectors",
    "car_t_memory",
    "car_t_exhausted",
    "adoptive_t_cell_infused",
    "adoptive_t_cell_cells",
    "adoptive_t_cell_memory",
    "vaccine_memory",
)
TUMOURS = ("tumour", "car_t_antigen_negative", *CLONE_CELLS, "metastasis_tumour")


DYING = 0.0075 / (0.05 + 0.006)
"""Dying cells per tumour cell of a tumour that grows at the rate of a small one."""
STROMA = 0.02 * 0.05 * DYING / (0.003 + 0.006)


def sat(x, half):
    return x / (half + x)


def start(clones=None, diameters=()):
    """Return the state of the untreated patient at the start, with clones (fractions by name) and lesions of some diameters."""
    clones = clones or {}
    share = 0.05 / (0.05 + 0.0075)
    sphere = 3.141592653589793 / 6 * 0.001 * 5e8
    cells = sphere * 70**3 / 2**2
    signal, activity = sat(0.0075 * cells * share / 0.3, 2e5), 1 / 4
    exhaustion, loss = 0.1 * signal * (1 - activity), 0.002 + 0.05 * signal
    limit = 10 * 1.5e4 / 0.05
    surplus = 1.5e4 * signal + (0.15 * activity * signal - loss) * limit
    memory = (surplus + (surplus**2 + 4 * loss * 1.5e4 * signal * limit) ** 0.5) / (2 * loss)
    attraction = share * (cells + sum(sphere * d**3 for d in diameters))
    density = 5 * (0.02 + 0.98 * signal) * memory / (1e10 + attraction) / (0.1 + exhaustion)
    bulk = 1 + DYING + STROMA + 5 * density * (1 + exhaustion / 0.05)

    def lesion(volume, prefix="", sensitive=1.0):
        tumour = volume / bulk
        return {
            f"{prefix}tumour": tumour * sensitive,
            f"{prefix}dying": DYING * tumour,
            f"{prefix}stroma": STROMA * tumour,
            f"{prefix}effectors": density * tumour,
            f"{prefix}exhausted": exhaustion * density * tumour / 0.05,
        }

    whole = {"antigen": 0.0075 * cells * share / 0.3, "memory": memory, "lymphocytes": 1500.0}
    whole |= lesion(cells, sensitive=1 - sum(clones.values()))
    for k, d in enumerate(diameters):
        whole |= lesion(sphere * d**3, ("metastasis_", "second_")[k])
    return whole | {f"{name}_cells": f * cells / bulk for name, f in clones.items()}


def antibody(d, s, name, clearance, v1, q, v2):
    """Two compartments; returns the concentration."""
    c1, c2 = s[f"{name}_central"] / v1, s[f"{name}_peripheral"] / v2
    d[f"{name}_central"] = -clearance * c1 - q * (c1 - c2)
    d[f"{name}_peripheral"] = q * (c1 - c2)
    return c1


ANTIBODIES_BEGIN = 1.0
"""Day of the first dose of antibodies, from which their clearance falls."""


def fallen(t, change, half, power):
    """Return clearance at a time relative to that before the first dose."""
    t -= ANTIBODIES_BEGIN
    return exp(change * t**power / (half**power + t**power)) if t > 0 else 1.0


def pembrolizumab(t, weight=75.0):
    size = weight / 74.872
    clearance = 0.281 * (1 - 0.0697) * size**0.534 * (40 / 39) ** -0.849 * (70 / 90.1) ** 0.0933 * (90 / 88.71) ** 0.123
    clearance *= fallen(t, -0.218, 65.5, 2.99)
    return clearance, 3.53 * size**0.514 * (40 / 39) ** -0.233, 0.889 * size**0.534, 2.75 * size**0.514


def ipilimumab(t, weight=75.0):
    size = weight / 80
    clearance = 0.3384 * size**0.694 * fallen(t, -0.0644, 2540 / 24, 7.43)
    return clearance, 3.95 * size**0.6, 0.6696 * size**0.694, 3.18 * size**0.6


def rates_of(names, parts):
    """Return the rates of the tumour with some therapies."""

    def rates(t, y):
        s = dict(zip(names, (float(v) for v in y), strict=True))
        d = dict.fromkeys(names, 0.0)
        tumours = [n for n in TUMOURS if n in s]
        lymph = [n for n in LYMPHOCYTES if n in s]
        cells, fraction = sum(s[n] for n in tumours), s["lymphocytes"] / 1500
        brake = ctla4 = pdl1 = 1.0
        if "pembrolizumab" in parts:
            brake *= 1 - sat(antibody(d, s, "pembrolizumab", *pembrolizumab(t)), 0.5)
        if "ipilimumab" in parts:
            ctla4 *= 1 - sat(antibody(d, s, "ipilimumab", *ipilimumab(t)), 4.0)
        if "radiation_pdl1" in parts:
            recent = s["radiation_pdl1_recent_dose"]
            pdl1 += 2 * sat(recent, 5) * sat(s["effectors"], 5e6)
            d["radiation_pdl1_recent_dose"] = s["radiotherapy_damage"] * log(2) / 0.03 - 0.2 * recent
        activity, signal = 1 / (1 + 3 * pdl1 * brake), sat(s["antigen"], 2e5)
        support, release = 1.5 * sat(fraction, 0.5), 2.5 / (1 + 1.5 * ctla4)
        growth = 0.0075 + 0.006 * (1 - cells / 1e12)
        limit = 10 * 1.5e4 / 0.05
        division = 0.15 * activity * release * signal * limit / (limit + s["memory"])
        d["memory"] = 1.5e4 * support * release * signal + (division - 0.05 * signal - 0.002) * s["memory"]
        patient = Patient(growth, activity / (1 + sat(cells, 5e10)), 0.1 * signal * (1 - activity), 1 - brake)
        own = [n for n in ("tumour", *CLONE_CELLS) if n in s]
        places = {"": own, **({"metastasis_": ["metastasis_tumour"]} if "metastasis_tumour" in s else {})}
        attraction = 1e10 + sum(s[n] for names_here in places.values() for n in names_here)
        attraction += sum(s[f"{place}doomed"] for place in places)
        sent = 5 * (0.02 + 0.98 * signal) * s["memory"]
        for place, names_here in places.items():
            lesion(d, s, place, names_here, patient, sent / attraction)
        d["antigen"] = 0.05 * sum(s[f"{place}dying"] for place in places) - 0.3 * s["antigen"]
        if "car_t_antigen_negative" in s:
            d["car_t_antigen_negative"] += (growth - 0.0075) * s["car_t_antigen_negative"]
            d["dying"] += 0.0075 * s["car_t_antigen_negative"]
        d["lymphocytes"] = 0.03 * (1500 - s["lymphocytes"])
        if "cisplatin" in parts:
            effect, c = s["cisplatin_effect"], s["cisplatin_central"] / 19.8
            d["cisplatin_central"], d["cisplatin_effect"] = -829 * c, 0.7 * (c - effect)
            for n in tumours:
                killed = (0.1 if n == "chemoresistant_cells" else 1.0) * 0.3 * sat(effect, 0.19) * s[n]
                d[n] -= killed
                d["metastasis_doomed" if n.startswith("metastasis") else "doomed"] += killed
                d["antigen"] += 0.1 * killed
            for n in lymph:
                d[n] -= sat(effect, 1.0) * s[n]
        if "radiotherapy" in parts:
            repair = log(2) / 0.03 * s["radiotherapy_damage"]
            d["radiotherapy_damage"], d["radiotherapy_signal"] = -repair, repair - 0.1 * s["radiotherapy_signal"]
            d["antigen"] += 0.5 * 0.05 * sum(s[f"{place}dying"] for place in places) * sat(s["radiotherapy_signal"], 5)
        if "car_t" in parts:
            car_t(d, s, activity, fraction, cells, growth, 1 - brake if "car_t_pd1" in parts else 0.0)
        if "adoptive_t_cell" in parts:
            adoptive(d, s, activity, fraction, cells, tumours)
        if "vaccine" in parts:
            vaccine(d, s, fraction, ctla4)
        return [d[n] for n in names]

    return rates


@dataclass(frozen=True)
class Patient:
    """What the lesions of a patient share: division, T-cell function, exhaustion, and occupancy of PD-1."""

    growth: float
    function: float
    exhaustion: float
    occupancy: float


def lesion(d, s, place, tumours, patient, sent):
    """Add the rates of one lesion, to which `sent` effectors come per tumour cell."""
    doomed, effectors, exhausted = s[f"{place}doomed"], s[f"{place}effectors"], s[f"{place}exhausted"]
    cells = sum(s[n] for n in tumours) + doomed
    kill = 4 * patient.function * effectors / (1e4 + effectors + cells)
    back = 0.02 * patient.occupancy * exhausted
    dying = (0.04 + kill) * doomed
    d[f"{place}doomed"] -= dying
    for n in tumours:
        killed = 0.0 if n == "immune_escape_cells" else kill * s[n]
        d[n] += (patient.growth - 0.0075) * s[n] - killed
        dying += 0.0075 * s[n] + killed
    d[f"{place}dying"] += dying - 0.05 * s[f"{place}dying"]
    d[f"{place}stroma"] += 0.02 * 0.05 * s[f"{place}dying"] - 0.003 * s[f"{place}stroma"]
    d[f"{place}effectors"] += sent * cells + back - (0.1 + patient.exhaustion) * effectors
    d[f"{place}exhausted"] += patient.exhaustion * effectors - 0.05 * exhausted - back


def shed(d, s, tumours, rate):
    for n in tumours:
        d[n] -= rate * s[n]
        d[dying_of(n)] += rate * s[n]


def dying_of(tumour):
    return "metastasis_dying" if tumour.startswith("metastasis") else "dying"


def car_t(d, s, activity, fraction, cells, growth, blocked):
    infused, e, m, x = (s[f"car_t_{n}"] for n in ("infused", "effectors", "memory", "exhausted"))
    signal, support = sat(s["tumour"], 1e8), 1 / (1 + (fraction / 0.25) ** 3)
    expansion = 1.6 * signal * support * 3e10 / (3e10 + e) * (1 + 0.2 * blocked)
    tired, rescue = 0.1 * signal * (1 - activity) * e, 0.05 * blocked * x
    d["car_t_infused"] -= infused
    d["car_t_effectors"] += 0.05 * infused + (expansion - 0.16 - 0.00126) * e + 0.1 * signal * m - tired + rescue
    d["car_t_memory"] += 0.00126 * e - 0.0032 * m
    d["car_t_exhausted"] += tired - 0.1 * x - rescue
    function = activity / (1 + sat(cells, 5e10))
    shed(d, s, ["tumour"], 10 * function * 0.5 * e / (1e4 + 0.5 * e + cells))


def adoptive(d, s, activity, fraction, cells, tumours):
    states = ("infused", "cells", "memory", "il2_central", "il2_peripheral")
    infused, z, m, c1, c2 = (s[f"adoptive_t_cell_{n}"] for n in states)
    signal, function = sat(cells, 1e8), activity / (1 + sat(cells, 5e10))
    division = (0.3 * sat(c2 / 2.32, 5e4) + 0.1 * activity * signal) * 1e11 / (1e11 + z)
    lost = 0.06 * 1.5 * sat(fraction, 0.5) + 0.005
    d["adoptive_t_cell_infused"] -= 0.5 * infused
    d["adoptive_t_cell_cells"] += 0.05 * 0.5 * infused + (division - lost) * z + 0.05 * signal * m
    d["adoptive_t_cell_memory"] += 0.005 * z - 0.002 * m
    d["adoptive_t_cell_il2_central"] = -(172.8 + 33.7) / 2.77 * c1 + 33.7 / 2.32 * c2
    d["adoptive_t_cell_il2_peripheral"] = 33.7 / 2.77 * c1 - 33.7 / 2.32 * c2
    shed(d, s, tumours, 4 * function * 0.3 * z / (1e4 + 0.3 * z + cells))


def vaccine(d, s, fraction, ctla4):
    depot, dendritic, m, r = (s[f"vaccine_{n}"] for n in ("depot", "dendritic", "memory", "regulation"))
    seen, free = sat(dendritic, 1e6), 1 / (1 + 1.5 * r)
    primed = 0.01 * dendritic * 2.5 / (1 + 1.5 * ctla4) * free * min(fraction, 1)
    d["vaccine_depot"] = -0.3 * depot
    d["vaccine_dendritic"] = 1e6 * sat(depot, 0.3) - 0.3 * dendritic
    d["vaccine_memory"] += 0.05 * primed + 0.25 * seen * free * m * 1e9 / (1e9 + m) - 0.005 * m
    d["vaccine_regulation"] = 0.039 * seen - 0.039 * r
    d["memory"] += primed
    d["effectors"] += 2 * seen * free * m


def fraction_of(names, gray, sensitised):
    """Return the change of a fraction: tumours to doomed cells, lymphocytes gone, the dose unrepaired."""

    def change(y):
        s = dict(zip(names, y, strict=True))
        effect = (1 + 3.4 * s["cisplatin_effect"]) if sensitised else 1.0
        kept = exp(-effect * (0.2 * gray + 0.02 * gray**2 + 2 * 0.02 * gray * s["radiotherapy_damage"]))
        for n in names:
            if n.startswith("metastasis"):  # out of the field
                continue
            if n in TUMOURS:
                left = kept**0.3 if n == "radioresistant_cells" else kept
                s["doomed"] += (1 - left) * s[n]
                s[n] *= left
            elif n in LYMPHOCYTES:
                s[n] *= exp(-0.4 * 0.1 * gray)
        s["radiotherapy_damage"] += gray
        return [s[n] for n in names]

    return change


def plus(names, state, amount):
    def change(y):
        y[names.index(state)] += amount
        return y

    return change


def case(model, parts, given, shown, base=(), variant=None, days=120.0):
    """Return a case: `given` are (day, input, amount of ours, state, amount there); "radiotherapy" as a state is a fraction."""
    names = tuple(n for part in ("tumour_immune", *parts) if part in STATES for n in STATES[part])
    names = (*(n for n in shown if n in names), *(n for n in names if n not in shown))
    first = start({name: 1e-3 for name in CLONES if name in parts}, (3.0,) if "metastasis" in parts else ())
    doses = tuple(
        Dose(
            day,
            into,
            ours,
            fraction_of(names, there, "radiosensitisation" in parts) if state == "radiotherapy" else plus(names, state, there),
        )
        for day, into, ours, state, there in given
    )
    return Paper(
        model,
        names,
        days,
        rates_of(names, parts),
        tuple(first.get(n, 0.0) for n in names),
        variant=variant,
        doses=doses,
        stiff=True,
        base=base,
        shown=shown,
    )


def every(gap, count, into, ours, state, there, first=0.0):
    return [(first + gap * k, into, ours, state, there) for k in range(count)]


BASE = ("tumour_immune",)
PD1 = "pd1_inhibitor:pembrolizumab"
ANTIBODY = every(21.0, 5, "pembrolizumab", 200.0, "pembrolizumab_central", 200.0, ANTIBODIES_BEGIN)
CTLA4 = every(21.0, 4, "ipilimumab", 225.0, "ipilimumab_central", 225.0, ANTIBODIES_BEGIN)
CISPLATIN = every(21.0, 4, "cisplatin", 135.0, "cisplatin_central", 135.0, 1.0)
FRACTIONS = every(1.0, 10, "radiotherapy", 2.0, "radiotherapy", 2.0, 7.0)
CAR_T = [(7.0, "car_t", 3e8, "car_t_infused", 3e8)]
IL2 = every(0.5, 8, "adoptive_t_cell_il2", 5e7, "adoptive_t_cell_il2_central", 5e7, 7.25)
CELLS = [(7.0, "adoptive_t_cell", 5e10, "adoptive_t_cell_infused", 5e10), *IL2]
VACCINE = every(14.0, 6, "vaccine", 1.0, "vaccine_depot", 1.0, 1.0)
PAPERS = [
    case("tumour_immune", (), [], STATES["tumour_immune"], days=365.0),
    case(
        "pd1_inhibitor", ("pembrolizumab",), ANTIBODY, ("pembrolizumab_central", "tumour", "effectors"), BASE, "pembrolizumab"
    ),
    case("ctla4_inhibitor", ("ipilimumab",), CTLA4, ("ipilimumab_central", "tumour", "effectors"), BASE, "ipilimumab"),
    case("chemotherapy", ("cisplatin",), CISPLATIN, ("cisplatin_effect", "tumour", "lymphocytes"), BASE, "cisplatin"),
    case("radiotherapy", ("radiotherapy",), FRACTIONS, ("tumour", "dying", "radiotherapy_signal"), BASE),
    case("car_t", ("car_t",), CAR_T, ("car_t_effectors", "tumour", "car_t_memory"), BASE),
    case(
        "adoptive_t_cell",
        ("adoptive_t_cell",),
        CELLS,
        ("adoptive_t_cell_cells", "tumour", "adoptive_t_cell_il2_peripheral"),
        BASE,
    ),
    case(
        "clone",
        ("immune_escape", "pembrolizumab"),
        ANTIBODY,
        ("tumour", "immune_escape_cells", "effectors"),
        (*BASE, PD1),
        "immune_escape",
        365.0,
    ),
    case(
        "clone",
        ("chemoresistant", "cisplatin"),
        CISPLATIN,
        ("tumour", "chemoresistant_cells"),
        (*BASE, "chemotherapy:cisplatin"),
        "chemoresistant",
    ),
    case(
        "clone",
        ("radioresistant", "radiotherapy"),
        FRACTIONS,
        ("tumour", "radioresistant_cells"),
        (*BASE, "radiotherapy"),
        "radioresistant",
    ),
    case(
        "lesion",
        ("metastasis", "pembrolizumab", "radiotherapy"),
        ANTIBODY + FRACTIONS,
        ("tumour", "metastasis_tumour", "metastasis_effectors"),
        (*BASE, PD1, "radiotherapy"),
    ),
    case("vaccine", ("vaccine",), VACCINE, ("vaccine_dendritic", "vaccine_memory", "tumour"), BASE),
    case(
        "car_t_pd1",
        ("car_t", "pembrolizumab", "car_t_pd1"),
        ANTIBODY + CAR_T,
        ("car_t_effectors", "car_t_exhausted", "tumour"),
        (*BASE, "car_t", PD1),
    ),
    case(
        "radiation_pdl1",
        ("radiotherapy", "pembrolizumab", "radiation_pdl1"),
        ANTIBODY + FRACTIONS,
        ("radiation_pdl1_recent_dose", "effectors", "tumour"),
        (*BASE, "radiotherapy", PD1),
    ),
    case(
        "radiosensitisation",
        ("cisplatin", "radiotherapy", "radiosensitisation"),
        CISPLATIN + FRACTIONS,
        ("tumour", "dying", "cisplatin_effect"),
        (*BASE, "chemotherapy:cisplatin", "radiotherapy"),
    ),
]
