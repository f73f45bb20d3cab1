"""B-cell malignancies, and CAR-T cells on them, written out a second time from their descriptions."""

from __future__ import annotations

from papers.solve import Dose, Paper

STATES = ("tumour", "dying", "b_cells", "lymphocytes")
CAR_T = ("infused", "effectors", "memory", "exhausted", "antigen_negative")
START = (7e10, 0.0, 5e9, 1000.0)


def sat(x, half):
    return x / (half + x)


def base(s, cells, growth, capacity, clearance):
    """Return the rates without therapy, with growth of all clones as rate per cell."""
    per_cell = growth * (1 - cells / capacity)
    rates = {
        "tumour": per_cell * s["tumour"],
        "dying": -clearance * s["dying"],
        "b_cells": 0.005 * (5e10 - s["b_cells"]),
        "lymphocytes": 0.03 * (1000 - s["lymphocytes"]),
    }
    return rates, per_cell


def untreated(growth, capacity, clearance):
    """Return the rates of the untreated malignancy."""

    def rates(t, y):
        s = dict(zip(STATES, y, strict=True))
        return list(base(s, s["tumour"], growth, capacity, clearance)[0].values())

    return rates


def car_t(growth, capacity, clearance, pd1, suppression, clone_name=None, resists=1.0):
    """Return names and rates under CAR-T cells; a clone with a name withstands the share `resists` of the kill."""
    names = (*STATES, *(f"car_t_{n}" for n in CAR_T), *((clone_name,) if clone_name else ()))

    def rates(t, y):
        s = dict(zip(names, y, strict=True))
        infused, e, m, x, clone = (s[f"car_t_{n}"] for n in CAR_T)
        resistant = s.get(clone_name, 0.0)
        cells = s["tumour"] + clone + resistant
        d, per_cell = base(s, cells, growth, capacity, clearance)
        activity = 1 / (1 + pd1)
        function = activity / (1 + suppression * sat(cells, 1e11))
        signal, support = sat(s["tumour"] + resistant + s["b_cells"], 1e8), 1 / (1 + (s["lymphocytes"] / 1000 / 0.25) ** 3)
        kill = 10 * function * 0.5 * e / (1e4 + 0.5 * e + cells)
        killed, lost = kill * s["tumour"], (1 - resists) * kill * resistant
        tired = 0.1 * signal * (1 - activity) * e
        d["tumour"] -= killed
        d["dying"] += killed + lost
        d["b_cells"] -= 10 * 0.5 * e / (1e4 + 0.5 * e + s["b_cells"]) * s["b_cells"]
        expansion = 1.6 * signal * support * 3e10 / (3e10 + e)
        d["car_t_infused"] = -infused
        d["car_t_effectors"] = 0.05 * infused + (expansion - 0.16 - 0.00126) * e + 0.1 * signal * m - tired
        d["car_t_memory"] = 0.00126 * e - 0.0032 * m
        d["car_t_exhausted"] = tired - 0.1 * x
        d["car_t_antigen_negative"] = per_cell * clone
        d[clone_name] = per_cell * resistant - lost
        return [d[n] for n in names]

    return names, rates


def infusion(names, amount):
    def change(y):
        y[names.index("car_t_infused")] += amount
        return y

    return change


def treated(variant, start, negative, shown, **numbers):
    """Return the case of CAR-T cells on a variant."""
    names, rates = car_t(**numbers)
    return Paper(
        "car_t",
        names,
        90.0,
        rates,
        ((1 - negative) * start, 0.0, 5e9, 1000.0, 0.0, 0.0, 0.0, 0.0, negative * start),
        values={"car_t_antigen_negative_fraction": negative},
        doses=(Dose(2.0, "car_t", 1.5e8, infusion(names, 1.5e8)),),
        stiff=True,
        base=(f"b_cell_malignancy:{variant}",),
        shown=shown,
        label=variant,
    )


def resisted(resists, variant=None):
    """Return the case of a resistant clone in lymphoma under CAR-T cells."""
    instance = variant or "resistant"
    names, rates = car_t(pd1=1, suppression=1, clone_name=f"{instance}_cells", resists=resists, **LYMPHOMA)
    return Paper(
        "killing_resistance",
        names,
        90.0,
        rates,
        (0.95 * 7e10, 0.0, 5e9, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.05 * 7e10),
        variant=variant,
        values={f"{instance}_initial_fraction": 0.05, "initial_lymphocyte_fraction": 0.1},
        doses=(Dose(2.0, "car_t", 1.5e8, infusion(names, 1.5e8)),),
        stiff=True,
        base=("b_cell_malignancy:large_b_cell_lymphoma", "car_t"),
        shown=("tumour", f"{instance}_cells", "car_t_effectors"),
    )


LYMPHOMA = {"growth": 0.02, "capacity": 5e12, "clearance": 0.2}
LEUKAEMIA = {"growth": 0.02, "capacity": 1e14, "clearance": 0.5}
PAPERS = [
    Paper("b_cell_malignancy", STATES, 200.0, untreated(**LYMPHOMA), START, variant="large_b_cell_lymphoma"),
    Paper("b_cell_malignancy", STATES, 200.0, untreated(**LEUKAEMIA), (5e11, *START[1:]), variant="leukaemia"),
    treated("large_b_cell_lymphoma", 7e10, 0.01, ("car_t_effectors", "tumour", "b_cells"), pd1=1, suppression=1, **LYMPHOMA),
    treated("leukaemia", 5e11, 1e-4, ("car_t_effectors", "tumour", "b_cells"), pd1=0, suppression=0, **LEUKAEMIA),
    resisted(1.0),
    resisted(0.0, "engager_antigen_loss"),
]
