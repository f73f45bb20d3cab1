"""Published models against independent integrations of their papers' equations, and against what the papers state."""

from dataclasses import dataclass, field

import numpy as np
import pytest

import immunoode as imo
from tests.days import daily
from tests.long_forms import spread
from tests.published import PAPERS, case_of, trajectory


@dataclass(frozen=True)
class Case:
    """A model with values, the trajectory that it must reproduce, and which column is which output."""

    model: str
    file: str
    columns: dict[str, str]
    values: dict[str, float] = field(default_factory=dict)
    variant: str | None = None
    dose: tuple[str, float] | None = None  # input, and the day of one dose of 1
    days: float = 1.0  # in the time unit of the file
    time: str = "time"
    tolerance: float = 1e-6
    amount: str = "1"
    until: float = np.inf  # what comes after differs: an event that sets a state, where ours adds a dose


IL2 = {"effectors": "E", "tumour": "T", "interleukin": "IL2"}
NATURAL = {"tumour": "T", "natural_killers": "N", "effectors": "L"}
TIPPING = {"tumour": "T", "specific": "S", "effectors": "I", "naive": "N"}
DAMAGE = {"tumour": "x1", "damaged_1": "x2", "damaged_2": "x3", "damaged_3": "x4"}
GLIOMA = {"drug": "C", "proliferative": "P", "quiescent": "Q", "damaged": "Qp"}
VACCINE = {"depot": "VAC", "transit": "TRAN", "signal": "SVAC", "size": "Ts", "regulation": "REG"}
LEUKAEMIA = {"car_t_cells": "C", "leukaemia": "L", "b_cells": "B"}
SIX = {**NATURAL, "lymphocytes": "C", "drug": "M", "interleukin": "I"}
MYELOID = {"naive": "T_cell_naive", "effectors": "T_cell_effector", "leukaemia": "CML"}

LAWS = {
    "exponential": "V_exp",
    "mendelsohn": "V_mend",
    "logistic": "V_log",
    "linear": "V_lin",
    "surface": "V_surf",
    "gompertz": "V_gomp",
    "bertalanffy": "V_bert",
}
DRUG = {
    "tumour": "Tumor_Cell_Population__T",
    "effectors": "Effector_immune_cell_population__N",
    "lymphocytes": "Circulating_lymphocyte_population__C",
    "drug": "Chemotherapeutic_drug_concentration__M",
}
BLADDER = {
    "bacteria": "BCG",
    "effectors": "Effector_cells",
    "tumour": "Tumor_uninfected_cells",
    "infected": "Tumor_infected_cells",
}
ANTIGEN = {"tumour": "x_Tumor_Cells", "helpers": "y_CD4_T_Cells", "cytokine": "z_Cytokine"}
HELPERS = {"tumour": "N_Tumour", "helpers": "T_H", "cytotoxic": "T_C"}
REGULATION = {"interleukin": "U", "natural_killers": "X", "effectors": "Y", "memory": "M", "protein": "P", "tumour": "Z"}
RADIATION = {"tumour": "TV", "dividing": "nTeff", "differentiated": "dTeff", "pdl1": "PDL1"}
SOLID = {"car_t_cells": "CAR_T_cells", "tumour": "Tumour_cells"}

# Where a tolerance is above 1e-6, the reference is that far from an integration at 1e-13 (DOP853), to which our own lies within
# 1e-8: its tolerance was 1e-10, absolute errors included, and these curves pass far below their largest value.
CASES = [
    Case("kuznetsov1994", "paper_kuznetsov1994", {"effectors": "E", "tumour": "T"}),
    Case("kirschner1998", "paper_kirschner1998_c0.02", IL2, {"antigenicity": 0.02}, tolerance=1e-3),
    Case("kirschner1998", "paper_kirschner1998_c0.035", IL2, {"antigenicity": 0.035}, tolerance=5e-6),
    Case("kirschner1998", "paper_kirschner1998_c5e-5", IL2, {"antigenicity": 5e-5}, tolerance=5e-6),
    Case("kirschner1998", "paper_kirschner1998_c0.035_s1_550", IL2, {"effector_infusion": 550.0}),
    Case("depillis2005", "paper_depillis2005_nn", NATURAL),
    Case("depillis2005", "paper_depillis2005_ll", NATURAL, variant="ll", tolerance=5e-3),
    Case("leontriana2021", "paper_leontriana2021_ball", LEUKAEMIA),
    Case("chaudhury2020", "paper_chaudhury2020_lv", {"car_t_cells": "E", "tumour": "U"}),
    Case("moore2004", "sbml_BIOMD0000000662", MYELOID),
    *(
        Case("creemers2021", f"paper_creemers2021_xi{rate}", TIPPING, {"kill_rate": rate}, tolerance=5e-6)
        for rate in (0.035, 0.0005, 0.00025)
    ),
    *(
        Case("simeoni2004", f"paper_simeoni2004_paclitaxel_C{c}ng", DAMAGE, {"concentration": c}, tolerance=1e-4)
        for c in (0, 500, 1500)
    ),
    Case("dritschel2018", "sbml_BIOMD0000000763", HELPERS, tolerance=1e-3),
    Case("depillis2003", "sbml_BIOMD0000000909", {"normal": "N", "tumour": "T", "immune": "I"}, tolerance=1e-5),
    Case("anderson2015", "sbml_BIOMD0000000813", ANTIGEN, tolerance=1e-5),
    Case("liu2017", "sbml_BIOMD0000000930", DRUG, tolerance=1e-5),
    Case("bunimovich2007", "sbml_BIOMD0000001034", BLADDER, tolerance=5e-5),
    Case("leontriana2021solid", "sbml_BIOMD0000001013", SOLID, tolerance=1e-5),
    Case("kosinsky2018", "sbml_BIOMD0000000863", RADIATION),
    Case("nikolopoulou2018", "sbml_MODEL1908270001", {"tumour": "C", "t_cells": "T"}, variant="untreated"),
    Case("cappuccio2006", "sbml_BIOMD0000000761", REGULATION, tolerance=1e-5),  # the encoding grows a millionth faster
    Case(
        "barros2021",
        "sbml_BIOMD0000001019",
        {"memory": "Cm", "effectors": "Ct"},
        dose=("car_t", 45),
        until=248,
        amount="2e6",
        tolerance=1e-3,
    ),
    Case("murphy2016", "sbml_BIOMD0000000671", LAWS, tolerance=1e-5),
    Case(
        "wilson2012",
        "sbml_BIOMD0000000791",
        {"tumour": "T", "growth_factor": "B", "effectors": "E", "regulatory": "R"},
        tolerance=1e-5,
    ),
    Case("stein2019", "paper_stein2019_tisagenlecleucel", {"transgene": "transgene_copies_per_ug"}),
    Case("depillis2009", "paper_depillis2009_patient9_untreated", SIX),
    Case(
        "claret2009",
        "paper_claret2009_constant_exposure_analytic",
        {"size": "tumour_mm"},
        {"exposure": 12},
        days=7,
        time="week",
    ),
    Case("ribba2012", "paper_ribba2012_PCV_single", GLIOMA, dose=("dose", 0), days=30.4375, tolerance=5e-5),
    *(
        Case("parraguillen2013", f"paper_parraguillen2013_cyaaE7_day{day}_{fate}", VACCINE, variant=fate, dose=("vaccine", day))
        for day in (4, 7, 11, 18, 25, 30)
        for fate in ("cure", "relapse")
    ),
]


def solved(model, regimen=None, **options):
    """Return a simulation that came to its end."""
    if "until" in options:
        options["times"] = daily(options.pop("until"))
    run = imo.simulate(model, regimen, **options)
    run.raise_for_status()
    return run


def run_of(case, times):
    """Return the model of a case, simulated to the last digits."""
    model = imo.load_model(case.model, variant=case.variant).with_values(**case.values)
    regimen = case.dose and imo.Regimen().dose(case.dose[0], case.amount, start=case.dose[1])
    return solved(model, regimen, times=times, rtol=1e-12, atol=1e-16, extinction=False)


def apart(run, expected):
    """Return how far apart two runs are, relative; values below a billionth of the largest, or 1e-12, count as that."""
    worst = {}
    for name, wanted in expected.items():
        floor = 1e-9 * np.abs(wanted).max() + 1e-12
        worst[name] = np.max(np.abs(run[name] - wanted) / np.maximum(np.abs(wanted), floor))
    return worst


@pytest.mark.parametrize("paper", spread(PAPERS, 12), ids=lambda paper: paper.name)
def test_it_equals_its_equations_integrated_by_scipy(paper):
    model, regimen = case_of(paper)
    rtol = 1e-11 if paper.stiff else 1e-12
    run = solved(model, regimen, times=paper.times(), rtol=rtol, atol=1e-24, extinction=False)
    assert max(apart(run, paper.curves()).values()) < paper.tolerance


def test_every_model_is_held_against_its_equations_written_out():
    assert set(imo.list_models().index) == {paper.model for paper in PAPERS}
    assert all(paper.tolerance <= 1e-6 or paper.why for paper in PAPERS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_it_reproduces_the_paper(case):
    expected = trajectory(case.file).query(f"{case.time} < {case.until}")
    run = run_of(case, expected[case.time].to_numpy() * case.days)
    for ours, theirs in case.columns.items():
        wanted = expected[theirs].to_numpy()
        floor = 1e-9 * np.abs(wanted).max() + 1e-30  # the independent integration has an absolute error of its own
        assert np.max(np.abs(run[ours] - wanted) / np.maximum(np.abs(wanted), floor)) < case.tolerance, ours


def test_memory_of_barros_rejects_a_second_tumour():
    regimen = imo.Regimen().dose("car_t", "2e6 cells", start=45).dose("challenge", "1e6 cells", start=250)
    run = solved(imo.load_model("barros2021"), regimen, times=np.arange(0.0, 300.0), rtol=1e-10, atol=1e-14)
    assert run["tumour"][249] < 1 < 1e4 < run["tumour"][251] and run["tumour"][299] < 1


def test_cd8_cells_of_patient_9_kill_and_chemotherapy_hits_every_cell():
    model = imo.load_model("depillis2009")
    idle, treated = (solved(model, r, until=20) for r in (None, imo.Regimen().dose("doxorubicin", "2 mg/L", start=1)))
    for name in ("tumour", "natural_killers", "lymphocytes"):
        assert treated[name][4] < 0.99 * idle[name][4]
    ratio = (526800 / 1e7) ** 2.09
    assert idle["effector_kill"][0] == pytest.approx(2.34 * ratio / (0.0839 + ratio))
    assert solved(model.with_values(largest_kill=0), until=5)["tumour"][5] > 1.005 * idle["tumour"][5]


@pytest.mark.parametrize(("cells", "fate"), [(1e8, "controlled"), (1.2e8, "escaped")])
def test_tsur_has_a_threshold_between_control_and_escape(cells, fate):
    # where T cells at their quasi-steady state kill as fast as the tumour grows: 1.07e8 cells
    run = imo.simulate(imo.load_model("tsur2019").with_values(initial_tumour=cells), until="1 year")
    assert (run["tumour"][-1] < cells) == (fate == "controlled")


def test_kuznetsov_has_the_steady_states_of_the_paper():
    focus = {"initial_effectors": 1.6092032797937963e6, "initial_tumour": 8.18970666448764e6}
    run = imo.simulate(imo.load_model("kuznetsov1994").with_values(**focus), until="1 year")
    assert run["tumour"][-1] == pytest.approx(8.18970666448764e6, rel=1e-3)


def test_kirschner_clears_the_tumour_above_the_published_threshold():
    # the tumour-free state is stable for s1 > r2 g2 mu2 / a = 540 cells a day
    model = imo.load_model("kirschner1998")
    above, below = (imo.simulate(model.with_values(effector_infusion=s), until="4000 days") for s in (600, 480))
    assert above["tumour"][-1] < 1e-3 < 100 < below["tumour"][-1]


@pytest.mark.slow
def test_car_t_cells_in_leukaemia_peak_at_the_stated_burden_whatever_the_dose():
    model = imo.load_model("leontriana2021")
    times = np.arange(0, 40, 0.001)
    for dose, day in ((1e7, 12.1856), (1e8, None)):
        run = imo.simulate(model.with_values(initial_car_t_cells=dose), times=times, rtol=1e-10)
        peak = run["car_t_cells"].argmax()
        assert (run["leukaemia"] + run["b_cells"])[peak] == pytest.approx(1 / (1.125e-11 * 14), rel=2e-3)
        assert day is None or times[peak] == pytest.approx(day, abs=2e-3)


def test_an_infusion_of_car_t_cells_is_a_start_with_as_many():
    model = imo.load_model("leontriana2021")
    times = np.arange(0.0, 60.0)
    infused = imo.simulate(
        model.with_values(initial_car_t_cells=0), imo.Regimen().dose("car_t", "1e7 cells"), times=times[1:], rtol=1e-10
    )
    present = imo.simulate(model, times=times, rtol=1e-10)
    for name in LEUKAEMIA:
        assert infused[name] == pytest.approx(present[name][1:], rel=1e-6)


def test_predator_and_prey_keep_their_invariant():
    run = run_of(Case("chaudhury2020", "", {}), np.arange(0, 61.0))
    e, u = run["car_t_cells"], run["tumour"]
    invariant = 0.0018 * u - 0.16 * np.log(u) + 0.00015 * e - 0.15 * np.log(e)
    assert invariant == pytest.approx(0.18772907391900295, rel=1e-8)


def test_simeoni_shrinks_above_the_threshold_concentration_only():
    model = imo.load_model("simeoni2004")
    assert imo.simulate(model, times=[0, 1])["threshold_concentration"][0] == pytest.approx(434.0, abs=0.05)
    below, above = (imo.simulate(model.with_values(concentration=c), until=60)["tumour"] for c in (430, 438))
    assert below[-1] > below[20] > above[20] > above[-1]


def test_claret_is_smallest_when_resistance_has_caught_up():
    run = imo.simulate(imo.load_model("claret2009").with_values(exposure=12), times=np.arange(0, 700, 0.5), rtol=1e-9)
    assert run.times[run["size"].argmin()] / 7 == pytest.approx(50.17, abs=0.05)


def test_vaccination_cures_early_and_fails_late():
    model = imo.load_model("parraguillen2013")
    early, late = (imo.simulate(model, imo.Regimen().dose("vaccine", "1", start=d), times=daily(80)) for d in (4, 30))
    assert early["size"][-1] < 0.5 < 20 < late["size"][-1]


@pytest.mark.parametrize(("growth", "shrinkage"), [(0.0016, 0.0014), (0.005, 0.03), (1e-4, 0.002)])
def test_ribba2022_is_the_law_of_stein_and_fojo(growth, shrinkage):
    days = np.linspace(0, 700, 71)
    model = imo.load_model("ribba2022").with_values(growth_rate=growth, shrinkage_rate=shrinkage)
    run = imo.simulate(model, times=days, outputs=["sum_of_diameters"], rtol=1e-10)
    expected = 60 * (np.exp(growth * days) + np.exp(-shrinkage * days) - 1)
    np.testing.assert_allclose(run["sum_of_diameters"], expected, rtol=1e-8)
    if shrinkage > growth:
        turn = np.log(shrinkage / growth) / (shrinkage + growth)
        around = imo.simulate(model, times=[0.9 * turn, turn, 1.1 * turn], outputs=["sum_of_diameters"], rtol=1e-10)
        assert np.argmin(around["sum_of_diameters"]) == 1


@pytest.mark.parametrize("dose", [2.0, 5.0])
def test_a_fraction_of_kosinsky_follows_the_linear_quadratic_law(dose):
    frozen = imo.load_model("kosinsky2018").with_values(growth_rate=0, basal_death=0, kill_rate=0)
    run = solved(frozen, imo.Regimen().dose("fraction", f"{dose} Gy"), times=[0, 1.0], rtol=1e-11, atol=1e-16)
    assert run["tumour"][1] / 15 == pytest.approx(np.exp(-0.146 * dose - 0.0146 * dose**2), rel=1e-9)


@pytest.mark.parametrize(("sensitiser", "killed"), [(10, 0.246), (50, 0.476), (200, 0.866)])
def test_a_fraction_of_cardilin_kills_what_the_paper_states(sensitiser, killed):
    regimen = imo.Regimen().dose("dose", sensitiser).dose("fraction", "2 Gy", start=1e-9)
    run = solved(imo.load_model("cardilin2018"), regimen, times=[0, 2e-9])
    assert run["irradiated_1"][1] / 40 == pytest.approx(killed, abs=5e-4)


def test_two_milligrams_per_kilogram_of_pembrolizumab_lie_on_the_plateau():
    model = imo.load_model("lindauer2017")
    sizes = []
    for dose in (0.1, 2, 10):  # mg/kg, of 70 kg
        regimen = imo.Regimen().dose("pembrolizumab", dose * 70, every="3 weeks", count=9)
        sizes.append(solved(model, regimen, times=[0, 180])["tumour"][1])
    assert sizes[0] > 1.2 * sizes[1] and sizes[1] == pytest.approx(sizes[2], rel=0.03)


def test_the_sensitive_part_of_chatterjee_with_mutated_egfr_is_a_third():
    model = imo.load_model("chatterjee2016")
    wild, mutated = (solved(model.with_values(egfr_mutation=m), times=[0, 1])["sensitive"][0] for m in (0, 1))
    assert wild / mutated == pytest.approx(3.18, abs=0.01)


def test_carrgo_ends_where_its_car_t_cells_neither_grow_nor_die():
    run = solved(imo.load_model("sahoo2020"), until="1 year")
    assert run["tumour"][-1] == pytest.approx(0.023015543 / 0.046346801, rel=1e-6)


def test_quasi_equilibrium_is_the_limit_of_fast_binding():
    from papers.checkpoint import IN_USE, KD, KDEG, KEL, KINT, KPT, KTP, R0, VC
    from scipy.integrate import solve_ivp

    times = np.linspace(0.05, 2, 40)
    model = imo.load_model("mager2005").with_values(**IN_USE)
    ours = solved(model, imo.Regimen().dose("dose", 4000), times=times, rtol=1e-9)["free"]

    def apart_at(k_on):
        def rates(t, y):
            c, at, r, rc = y
            bound = k_on * (c * r - KD * rc)
            plasma = -bound - (KEL + KPT) * c + KTP * at / VC
            return [plasma, KPT * c * VC - KTP * at, KDEG * (R0 - r) - bound, bound - KINT * rc]

        found = solve_ivp(rates, (0, 2), [400, 0, R0, 0], method="LSODA", t_eval=times, rtol=1e-9, atol=1e-12)
        return np.max(np.abs(found.y[0] - ours) / ours)

    slow, fast = apart_at(10.0), apart_at(1000.0)
    assert fast < 0.02 and fast < 0.05 * slow
