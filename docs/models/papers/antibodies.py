"""Population pharmacokinetics of checkpoint antibodies, each by the formulas of its own analysis, at two patients."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

from papers.solve import Dose, Paper, added

WOMAN = {
    "weight": 58.0,
    "albumin": 33.0,
    "glomerular_filtration": 62.0,
    "baseline_sum_of_diameters": 130.0,
    "female": 1.0,
    "impaired_performance": 1.0,
    "lactate_dehydrogenase": 480.0,
    "immunoglobulin_g": 11.0,
    "soluble_pdl1": 300.0,
    "antidrug_antibodies": 1.0,
    "bilirubin": 14.0,
}
MAN = {
    "weight": 104.0,
    "albumin": 44.0,
    "glomerular_filtration": 105.0,
    "baseline_sum_of_diameters": 45.0,
    "asian": 1.0,
    "lung_cancer": 1.0,
    "first_line": 1.0,
}


def of(patient, name):
    usual = {
        "baseline_sum_of_diameters": 70.0,
        "albumin": 40.0,
        "glomerular_filtration": 90.0,
        "lactate_dehydrogenase": 217.0,
        "immunoglobulin_g": 7.6,
        "soluble_pdl1": 173.8,
        "weight": 75.0,
        "bilirubin": 8.9,
    }
    return patient.get(name, usual.get(name, 0.0))


def ahamadi(p):
    size, albumin = of(p, "weight") / 76.8, of(p, "albumin") / 39.6
    clearance = 0.22 * size**0.595 * albumin**-0.907 * (of(p, "baseline_sum_of_diameters") / 89.6) ** 0.0872
    clearance *= (of(p, "glomerular_filtration") / 88.47) ** 0.135 * (1 - 0.152 * of(p, "female"))
    clearance *= 1 - 0.0739 * of(p, "impaired_performance")
    v1 = 3.48 * size**0.489 * albumin**-0.208 * (1 - 0.134 * of(p, "female"))
    return clearance, v1, 0.795 * size**0.595, 4.06 * size**0.489, 0.0, 1.0, 1.0


def keytruda(p):
    size, albumin, female = of(p, "weight") / 74.872, of(p, "albumin") / 39.0, of(p, "female")
    clearance = 0.281 * size**0.534 * albumin**-0.849 * (of(p, "bilirubin") / 8.90) ** -0.0488
    clearance *= (of(p, "baseline_sum_of_diameters") / 90.10) ** 0.0933 * (of(p, "glomerular_filtration") / 88.71) ** 0.123
    clearance *= (1 - 0.162 * female) * (1 - 0.0697 * (1 - of(p, "impaired_performance")))
    v1 = 3.53 * size**0.514 * albumin**-0.233 * (1 - 0.131 * female) * (1 - 0.0590 * of(p, "lung_cancer"))
    return clearance, v1, 0.889 * size**0.534, 2.75 * size**0.514, -0.218, 65.5, 2.99


def baverel(p):
    size, female = of(p, "weight") / 69.8, of(p, "female")
    clearance = 0.232 * (1 - 0.035 * (of(p, "albumin") - 38)) * (1 + 0.00149 * (of(p, "glomerular_filtration") - 85.65))
    clearance *= 0.937 ** of(p, "impaired_performance") * 0.857**female * size**0.389
    clearance *= 1 + 0.00178 * (of(p, "baseline_sum_of_diameters") - 74.8)
    most = 0.824 * (1 + 0.00336 * (of(p, "soluble_pdl1") - 124.8))
    return clearance, 3.51 * 0.835**female * size**0.406, 0.476, 3.45 * 0.795**female, 0.0, 1.0, 1.0, most, 0.344


def abegesah(p, partner=0.0):
    size, female = of(p, "weight") / 69.4, of(p, "female")
    clearance = 0.298 * (of(p, "albumin") / 39) ** -0.589 * (of(p, "glomerular_filtration") / 85.66) ** 0.136
    clearance *= (of(p, "lactate_dehydrogenase") / 247) ** 0.0515 * size**0.338 * (1 - 0.161 * female)
    clearance *= (1 - 0.0501 * of(p, "impaired_performance")) * (1 + partner)
    return clearance, 3.42 * size**0.515 * (1 - 0.140 * female), 0.452, 1.99, -0.498, 61.3, 1.0


def bajaj(p):
    size, male = of(p, "weight") / 80, 1 - of(p, "female")
    clearance = 9.4 * 24 / 1000 * size**0.566 * (of(p, "glomerular_filtration") / 90) ** 0.186
    clearance *= exp(0.172 * of(p, "impaired_performance") + 0.165 * male - 0.125 * of(p, "asian"))
    return clearance, 3.63 * size**0.597 * exp(0.152 * male), 32.1 * 24 / 1000, 2.78, -0.295, 1410 / 24, 3.15


def zhang(p, partner=0.0, change=0.0):
    size, female = of(p, "weight") / 80, of(p, "female")
    clearance = 10.8 * 24 / 1000 * size**0.53 * (of(p, "glomerular_filtration") / 90) ** 0.202
    clearance *= exp(-0.181 * female + 0.181 * of(p, "impaired_performance") - 0.0354 * of(p, "asian") + partner)
    v1 = 4.27 * size**0.534 * exp(-0.161 * female)
    emax = -0.240 - 0.138 * of(p, "impaired_performance") + change
    return clearance, v1, 34.9 * 24 / 1000 * size**0.53, 2.70 * size**0.534, emax, 2200 / 24, 2.77


def zeng(p):
    size, albumin, female = of(p, "weight") / 77, of(p, "albumin") / 40, of(p, "female")
    clearance = 0.23 * size**0.668 * albumin**-0.901 * (of(p, "baseline_sum_of_diameters") / 63) ** 0.116
    clearance *= 1.158 ** of(p, "antidrug_antibodies")
    v1 = 3.25 * size**0.533 * albumin**-0.345 * 0.896**female
    return clearance, v1, 0.603, 2.88 * 0.707**female, -0.193, 62.8, 2.67


def constant_atezolizumab(p):
    size, albumin, female = of(p, "weight") / 77, of(p, "albumin") / 40, of(p, "female")
    clearance = 0.20 * size**0.808 * albumin**-1.12 * (of(p, "baseline_sum_of_diameters") / 63) ** 0.125
    clearance *= 1 + 0.159 * of(p, "antidrug_antibodies")
    v1 = 3.28 * albumin**-0.350 * size**0.559 * (1 - 0.129 * female)
    return clearance, v1, 0.546, 3.63 * (1 - 0.272 * female), 0.0, 1.0, 1.0


def ogasawara(p):
    size, albumin, female = of(p, "weight") / 74.7, of(p, "albumin") / 40, of(p, "female")
    clearance = 0.0107 * 24 * albumin**-1.58 * (of(p, "immunoglobulin_g") / 7.6) ** 0.258 * size**0.581 * 0.791**female
    clearance *= (of(p, "soluble_pdl1") / 173.8) ** 0.0617 * (of(p, "lactate_dehydrogenase") / 216) ** 0.115
    return clearance, 4.63 * albumin**-0.566 * size**0.451 * 0.79**female, 0.0376 * 24, 2.68, 0.0, 1.0, 1.0


def sanghavi(p, combined=0.0, schedule=0.0):
    size = of(p, "weight") / 80
    clearance = 14.1 * 0.024 * size**0.694 * (log(of(p, "lactate_dehydrogenase")) / log(217)) ** 0.703
    clearance *= exp(schedule - 0.0949 * of(p, "first_line"))
    return clearance, 3.95 * size**0.6, 27.9 * 0.024 * size**0.694, 3.18 * size**0.6, -0.0644 + combined, 2540 / 24, 7.43


def rates_of(values):
    clearance, v1, q, v2, emax, half, power, most, middle = (*values, 0.0, 1.0)[:9]

    def rates(t, y):
        now = clearance * exp(emax * t**power / (half**power + t**power)) + most / (middle + y[0] / v1)
        return [-now / v1 * y[0] - q / v1 * y[0] + q / v2 * y[1], q / v1 * y[0] - q / v2 * y[1]]

    return rates


def cases(model: str, variant: str, law: Callable, amount: float, gap: float, **how) -> list[Paper]:
    """Return the cases of an antibody: two patients, six doses."""
    drug = variant.partition("_")[0]
    states = (f"{drug}_central", f"{drug}_peripheral")
    known = (
        ("weight", "lactate_dehydrogenase", "first_line")
        if model == "ctla4_inhibitor"
        else (WOMAN.keys() | MAN.keys()) - {"first_line"}
    )
    return [
        Paper(
            model,
            states,
            6 * gap,
            rates_of(law(p, **how)),
            (0, 0),
            variant=variant,
            base=("tumour_immune",),
            label=label,
            values={n: v for n, v in p.items() if n in known},
            shown=states[:1],
            doses=tuple(Dose(gap * k, drug, amount, added(0, amount)) for k in range(6)),
        )
        for p, label in ((WOMAN, "a woman"), (MAN, "a man"))
    ]


PAPERS = [
    *cases("pd1_inhibitor", "pembrolizumab", keytruda, 200.0, 21.0),
    *cases("pd1_inhibitor", "pembrolizumab_ahamadi", ahamadi, 200.0, 21.0),
    *cases("pd1_inhibitor", "nivolumab", bajaj, 240.0, 14.0),
    *cases("pd1_inhibitor", "atezolizumab", zeng, 1200.0, 21.0),
    *cases("pd1_inhibitor", "atezolizumab_constant", constant_atezolizumab, 1200.0, 21.0),
    *cases("pd1_inhibitor", "durvalumab", baverel, 1500.0, 28.0),
    *cases("pd1_inhibitor", "durvalumab_abegesah", abegesah, 1500.0, 28.0),
    *cases("pd1_inhibitor", "durvalumab_with_chemotherapy", abegesah, 1500.0, 21.0, partner=-0.163),
    *cases("pd1_inhibitor", "durvalumab_haematological", ogasawara, 1500.0, 28.0),
    *cases("pd1_inhibitor", "nivolumab_zhang", zhang, 480.0, 28.0),
    *cases("pd1_inhibitor", "nivolumab_with_ipilimumab", zhang, 70.0, 21.0, partner=0.227, change=-0.0668),
    *cases("pd1_inhibitor", "nivolumab_with_ipilimumab_6_weekly", zhang, 240.0, 14.0, partner=0.159, change=-0.0668),
    *cases("pd1_inhibitor", "nivolumab_with_chemotherapy", zhang, 360.0, 21.0, partner=-0.104),
    *cases("ctla4_inhibitor", "ipilimumab", sanghavi, 240.0, 21.0),
    *cases("ctla4_inhibitor", "ipilimumab_with_nivolumab", sanghavi, 80.0, 21.0, combined=-0.202, schedule=0.0950),
    *cases("ctla4_inhibitor", "ipilimumab_with_nivolumab_2_weekly", sanghavi, 80.0, 42.0, combined=-0.202, schedule=0.191),
]
