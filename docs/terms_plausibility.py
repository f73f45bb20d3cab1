"""What chemotherapy and radiotherapy say against what was published: computes terms_plausibility.md (run it to write it)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import immunoode as imo

sys.path.insert(0, str(Path(__file__).parent))
from plausibility import Row, between, near  # noqa: E402 - the row of the other page, found beside this file

TABLE = Path(__file__).with_suffix(".md")
FINE = np.union1d(np.arange(0, 2, 0.001), np.arange(2, 30, 0.02))


def term(drug: str) -> imo.Model:
    """Return the base model with one drug."""
    return imo.combine("tumour_immune", imo.load_model("chemotherapy", variant=drug))


@cache
def concentration(drug: str, dose: str, over: str, count: int = 1) -> np.ndarray:
    """Return plasma concentrations in mg/L at the times FINE, doses a day apart."""
    regimen = imo.Regimen().dose(drug, dose, over=over, every="1 day", count=count)
    name = f"{drug}_concentration"
    return np.asarray(imo.simulate(term(drug), regimen, times=FINE, outputs=[name], rtol=1e-8)[name])


def peak(drug: str, dose: str, over: str) -> Callable[[], float]:
    """Return the largest plasma concentration, mg/L."""
    return lambda: float(concentration(drug, dose, over).max())


def area(drug: str, dose: str, over: str, count: int = 1) -> Callable[[], float]:
    """Return the area under the plasma concentration, mg h/L."""
    return lambda: 24 * float(np.trapezoid(concentration(drug, dose, over, count), FINE))


def half_life(drug: str, dose: str, over: str, first: float, last: float) -> Callable[[], float]:
    """Return the half life between two times in days, in hours."""

    def value() -> float:
        a, b = np.interp([first, last], FINE, concentration(drug, dose, over))
        return float(24 * (last - first) * np.log(2) / np.log(a / b))

    return value


def killed(drug: str, dose: str, over: str, what: str) -> Callable[[], float]:
    """Return the share of cells that one dose kills, per cent; `what` is kill or toxicity."""

    def value() -> float:
        name = f"{drug}_{what}"
        run = imo.simulate(term(drug), imo.Regimen().dose(drug, dose, over=over), times=FINE, outputs=[name])
        return float(100 * -np.expm1(-np.trapezoid(run[name], FINE)))

    return value


LYMPHODEPLETION = imo.Regimen().dose("fludarabine", "30 mg/m2", every="1 day", count=3, over="30 min") + imo.Regimen().dose(
    "cyclophosphamide", "500 mg/m2", every="1 day", count=3, over="1 hour"
)
DOUBLET = imo.Regimen().dose("carboplatin", "690 mg", every="3 weeks", count=2, over="1 hour") + imo.Regimen().dose(
    "paclitaxel", "200 mg/m2", every="3 weeks", count=2, over="3 hours"
)
RADIATION = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30, weekdays=True)
WEEKLY = imo.Regimen().dose("carboplatin", "230 mg", every="1 week", count=6, over="1 hour") + imo.Regimen().dose(
    "paclitaxel", "50 mg/m2", every="1 week", count=6, over="1 hour"
)


@cache
def lymphocytes(regimen: str) -> np.ndarray:
    """Return circulating lymphocytes relative to the start on days 0 to 120."""
    first, second, given = {
        "lymphodepletion": ("fludarabine", "cyclophosphamide", LYMPHODEPLETION),
        "doublet": ("carboplatin", "paclitaxel", DOUBLET),
        "chemoradiation": ("carboplatin", "paclitaxel", RADIATION + WEEKLY),
    }[regimen]
    drugs = [imo.load_model("chemotherapy", variant=drug) for drug in (first, second)]
    run = imo.simulate(imo.combine("tumour_immune", *drugs, "radiotherapy"), given, times=np.arange(121.0))
    count = np.asarray(run["lymphocytes"])
    return count / count[0]


def back_to_half() -> float:
    """Return the day on which lymphocytes are back at half of normal after lymphodepletion."""
    count = lymphocytes("lymphodepletion")
    lowest = int(count.argmin())
    return float(lowest + np.argmax(count[lowest:] > 0.5))


def size(drugs: tuple[str, ...], doses: tuple[str, ...], day: int) -> Callable[[], float]:
    """Return the change of the sum of diameters under four cycles of three weeks, per cent."""

    def value() -> float:
        model = imo.combine("tumour_immune", *(imo.load_model("chemotherapy", variant=drug) for drug in drugs))
        regimen = imo.Regimen()
        for drug, dose in zip(drugs, doses, strict=True):
            regimen = regimen.dose(drug, dose, every="3 weeks", count=4, over="1 hour")
        first, last = imo.simulate(model, regimen, times=[0, day])["sum_of_diameters"]
        return float(100 * (last / first - 1))

    return value


def survival(tissue: str, dose: float = 2.0) -> Callable[[], float]:
    """Return the share of tumour cells that survive one fraction."""

    def value() -> float:
        model = imo.combine("kuznetsov1994", imo.load_model("radiotherapy", variant=tissue))
        regimen = imo.Regimen().dose("radiotherapy", f"{dose} Gy")
        first, last = (imo.simulate(model, r, times=[1e-6])["tumour"][0] for r in (None, regimen))
        return float(last / first)

    return value


def expected(alpha: float, ratio: float, dose: float = 2.0) -> float:
    """Return the surviving share of the linear-quadratic law."""
    return float(np.exp(-alpha * dose * (1 + dose / ratio)))


def sensitisation() -> float:
    """Return what three doses of cisplatin add to 70 Gy in 35 fractions, as biologically effective dose at alpha 0.3/Gy."""
    model = imo.combine(
        "kuznetsov1994",
        imo.load_model("chemotherapy", variant="cisplatin"),
        imo.load_model("radiotherapy").with_values(alpha=0.3),
        "radiosensitisation",
    ).with_values(growth_rate=0.001, kill_rate=0, inverse_capacity=1e-13)
    radiation = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=35, weekdays=True, start="3 hours")
    cisplatin = imo.Regimen().dose("cisplatin", "100 mg/m2", every="3 weeks", count=3, over="1 hour")
    alone, both = (
        imo.simulate(model, r, times=[0, 70], outputs=["tumour"], atol=1e-12)["tumour"]
        for r in (radiation, radiation + cisplatin)
    )
    return float(np.log(alone[-1] / both[-1]) / 0.3)


PHARMACOKINETICS = [
    near(
        "docetaxel 100 mg/m2 in an hour: peak",
        peak("docetaxel", "100 mg/m2", "1 hour"),
        3.7,
        "mg/L",
        "docetaxel_label62967",
        "1.8 m2; its volumes are set to this",
    ),
    near(
        "docetaxel 100 mg/m2: area", area("docetaxel", "100 mg/m2", "1 hour"), 4.6, "mg h/L", "docetaxel_label62967", "1.8 m2"
    ),
    near(
        "docetaxel: terminal half life",
        half_life("docetaxel", "100 mg/m2", "1 hour", 1.5, 3),
        11.1,
        "h",
        "docetaxel_label62967",
        "days 1.5 to 3; set to this",
    ),
    near(
        "paclitaxel 175 mg/m2 in 3 hours: peak",
        peak("paclitaxel", "175 mg/m2", "3 hours"),
        3.65,
        "mg/L",
        "paclitaxel_label2000",
        "1.8 m2; its volumes are set to this",
    ),
    near(
        "paclitaxel 175 mg/m2 in 3 hours: area",
        area("paclitaxel", "175 mg/m2", "3 hours"),
        15.0,
        "mg h/L",
        "paclitaxel_label2000",
        "1.8 m2",
    ),
    near(
        "paclitaxel: terminal half life",
        half_life("paclitaxel", "175 mg/m2", "3 hours", 1.5, 3),
        20.2,
        "h",
        "paclitaxel_label2000",
        "days 1.5 to 3; set to this",
    ),
    near(
        "pemetrexed 783 mg in 10 minutes: area",
        area("pemetrexed", "783 mg", "10 min"),
        158,
        "mg h/L",
        "pemetrexed2360511, cohort of 500 mg/m2; clearance is of latz2006",
        "normal renal function",
    ),
    near(
        "pemetrexed: terminal half life",
        half_life("pemetrexed", "783 mg", "10 min", 0.5, 1),
        3.5,
        "h",
        "latz2006, abstract",
        "hours 12 to 24",
    ),
    near(
        "carboplatin 575 mg: area",
        lambda: area("carboplatin", "575 mg", "30 min")() * 60 / 1000,
        5.0,
        "mg min/mL",
        "calvert1989: dose = area x (filtration + 25 mL/min)",
        "filtration 90 mL/min",
    ),
    near(
        "cyclophosphamide: half life",
        half_life("cyclophosphamide", "500 mg/m2", "1 hour", 0.5, 2),
        8.21,
        "h",
        "juma1981, abstract",
        "hours 12 to 48",
    ),
    near(
        "cyclophosphamide: clearance",
        lambda: 900 / area("cyclophosphamide", "900 mg", "1 hour")(),
        5.41,
        "L/h",
        "ahmed2020, table 3; ours is of juma1981",
        "dose over area",
    ),
    between(
        "fludarabine 30 mg/m2 on four days: area",
        area("fludarabine", "30 mg/m2", "30 min", 4),
        14,
        20,
        "mg h/L",
        "cumulative exposure of at least 14 goes with better outcomes of CAR-T (fludarabine2022, abstract)",
        "1.8 m2, filtration 90 mL/min",
    ),
]
LYMPHOCYTES = [
    Row(
        "fludarabine and cyclophosphamide, three days: fall of lymphocytes (%)",
        lambda: 100 * (1 - lymphocytes("lymphodepletion").min()),
        75,
        97,
        "83 (0.6 to 0.1 cells/nL, medians)",
        "blood2025, abstract 5506",
        "lowest day; published at infusion",
    ),
    Row(
        "day of the lowest count",
        lambda: float(lymphocytes("lymphodepletion").argmin()),
        4,
        9,
        "about a week",
        "estimate: usual in practice",
        "from the first dose",
    ),
    Row(
        "day when half the count is back",
        back_to_half,
        14,
        90,
        "weeks to months",
        "estimate: usual in practice",
        "from the first dose",
    ),
    Row(
        "carboplatin and paclitaxel, two cycles: count afterwards (% of the start)",
        lambda: 100 * lymphocytes("doublet")[42],
        80,
        120,
        "unchanged",
        "campian2013, abstract: 47 patients",
        "day 42, area 6 and 200 mg/m2",
    ),
    Row(
        "60 Gy with weekly carboplatin and paclitaxel: fall of lymphocytes (%)",
        lambda: 100 * (1 - lymphocytes("chemoradiation").min()),
        57,
        77,
        "67",
        "campian2013, abstract",
        "lowest day; share of the dose is set to this",
    ),
]
TUMOURS = [
    Row(
        f"{drug} {dose}: tumour cells killed by a dose (%)",
        killed(drug, dose, over, "kill"),
        low,
        high,
        "not measured in patients",
        "estimate: see the file",
        "integral of the kill",
    )
    for drug, dose, over, low, high in [
        ("cisplatin", "75 mg/m2", "1 hour", 10, 30),
        ("carboplatin", "575 mg", "30 min", 10, 30),
        ("pemetrexed", "500 mg/m2", "10 min", 10, 30),
        ("docetaxel", "75 mg/m2", "1 hour", 10, 30),
        ("paclitaxel", "200 mg/m2", "3 hours", 10, 30),
        ("gemcitabine", "1000 mg/m2", "30 min", 5, 20),
        ("cyclophosphamide", "500 mg/m2", "1 hour", 4, 15),
        ("fludarabine", "30 mg/m2", "30 min", 0, 5),
    ]
] + [
    Row(
        "docetaxel every 3 weeks: sum of diameters in week 12 (%)",
        size(("docetaxel",), ("75 mg/m2",), 84),
        -26,
        2,
        "median -8, quartiles -26 to 2",
        "arm 1 of study 2 of the lung-cancer trials (docs/fits.md): unlabelled, but it "
        "shrinks early, as docetaxel did in POPLAR",
        "typical patient",
    ),
    Row(
        "carboplatin and pemetrexed every 3 weeks: sum of diameters in week 12 (%)",
        size(("carboplatin", "pemetrexed"), ("575 mg", "500 mg/m2"), 84),
        -30,
        0,
        "a fifth of patients respond (-30 or less)",
        "keynote189, abstract: 19.9 % without pembrolizumab",
        "typical patient: stable disease",
    ),
]
RADIATION_ROWS = [
    near(
        "surviving fraction at 2 Gy, head and neck",
        survival("head_and_neck"),
        round(expected(0.24, 10.6), 3),
        "fraction",
        "pedicini2015, its alpha and ratio",
        "one fraction",
    ),
    near(
        "surviving fraction at 2 Gy, glioblastoma",
        survival("glioblastoma"),
        round(expected(0.12, 8), 3),
        "fraction",
        "pedicini2014, its alpha and ratio",
        "one fraction",
    ),
    between(
        "surviving fraction at 2 Gy, non-small-cell lung",
        survival("non_small_cell_lung"),
        round(expected(0.365, 10), 2),
        round(expected(0.12, 10), 2),
        "fraction",
        "jeong2017, interval of alpha",
        "one fraction",
    ),
    *(
        between(
            f"surviving fraction at 2 Gy, {tissue}",
            survival(tissue),
            0.3,
            0.8,
            "fraction",
            "vanleeuwen2018: values differ more between studies than between tumours",
            "one fraction",
        )
        for tissue in ("prostate", "melanoma", "breast")
    ),
    near(
        "cisplatin with 70 Gy: added biologically effective dose",
        sensitisation,
        9.3,
        "Gy",
        "chemoradiation2009",
        "three doses of 100 mg/m2, 3 hours before a fraction, with the interaction radiosensitisation; set to this",
    ),
]
ROWS = [*PHARMACOKINETICS, *LYMPHOCYTES, *TUMOURS, *RADIATION_ROWS]

TEXT = """# Chemotherapy and radiotherapy: are they plausible?

Values of the two terms compared with published values, computed by `docs/terms_plausibility.py` and checked by
`tests/test_models_terms.py`. The values of one typical patient (1.8 m2, filtration 90 mL/min) are compared with means or
medians of many patients. They agree within 20 % if a number is published. Rows marked "set to this" were used to choose a
value; the others were not. Keys are those of `models/references.bib`.

| quantity | here | published | source | how computed |
|---|---|---|---|---|
"""
LIMITS = """
## Disagreements

- Lymphocytes two months after the start of chemoradiation: {late:.0f} % of the initial count in the model, about a third in
  patients (campian2013). In the base model, counts recover within weeks of any depletion; in irradiated patients, they remain
  low for months.
- Responses to chemotherapy last too long, because the terms have no resistance and no dose limits. The median patient
  progresses within five months of pemetrexed and platinum (keynote189).
- Pemetrexed: the peak right after a short infusion, 115 mg/L (pemetrexed2360511), is twice ours: the central volume of the
  population analysis does not describe early distribution. The area, on which effects depend, agrees.
- Paclitaxel has linear kinetics in the model; in patients, its clearance decreases with the dose (12.2 L/h/m2 at 175 mg/m2 in 3
  hours, 17.7 at 135).
- Early lung tumours treated with few large fractions are more sensitive (alpha 0.305/Gy, ratio 2.8 Gy, jeong2017) than the
  default, which is for large tumours.
"""


def page() -> str:
    """Return the page."""
    late = 100 * lymphocytes("chemoradiation")[60]
    return TEXT + "\n".join(row.line for row in ROWS) + "\n" + LIMITS.format(late=late)


if __name__ == "__main__":
    TABLE.write_text(page(), encoding="utf-8")
