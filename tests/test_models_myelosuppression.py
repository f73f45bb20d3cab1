"""Myelosuppression: nadirs and courses of counts as published, and regimens that react to them."""

import warnings

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.published_data import data_file

BRUNO = {"clearance": 924, "central_volume": 7.4, "exchange": 188.3, "peripheral_volume": 5.2}
"""Docetaxel of the paper's source, without its third compartment: 38.5 L/h of 7.4 L, and 1.06 and 1.51 per hour."""
COUNT = "myelosuppression_circulating"


def treated(drug, variant, regimen, times, **values):
    """Return a run of one drug with its effect on the marrow."""
    parts = imo.load_model("chemotherapy", variant=drug), imo.load_model("myelosuppression", variant=variant)
    model = imo.combine("tumour_immune", *parts)
    run = imo.simulate(model, regimen, times=times, parameters=values, outputs=[COUNT])
    run.raise_for_status()
    return run


@pytest.mark.parametrize(("variant", "depth"), [("docetaxel", (500, 1000)), ("docetaxel_kloft", (0, 500))])
def test_the_nadir_after_docetaxel(variant, depth):
    # the paper's figure 4: a nadir about a week after 100 mg/m2, above the start about day 20
    days = np.linspace(0, 60, 1201)
    run = treated("docetaxel", variant, imo.Regimen().dose("docetaxel", "100 mg/m2", over="1 hour"), days)
    count = run[COUNT]
    assert depth[0] < count.min() < depth[1]
    assert 7 < days[count.argmin()] < 9
    assert count.max() > 1.2 * count[0] and 19 < days[count.argmax()] < 22
    assert count[-1] == pytest.approx(count[0], rel=0.01)


def test_the_pharmacokinetics_of_the_chemotherapy_term_change_the_nadir_by_little():
    days = np.linspace(0, 14, 281)
    dose = imo.Regimen().dose("docetaxel", "100 mg/m2", over="1 hour")
    own = treated("docetaxel", "docetaxel", dose, days)[COUNT].min()
    paper = {f"docetaxel_{name}": value for name, value in BRUNO.items()}
    assert treated("docetaxel", "docetaxel", dose, days, **paper)[COUNT].min() == pytest.approx(own, rel=0.1)


def test_two_drugs_take_more_than_one_and_more_than_none():
    drugs = [imo.load_model("chemotherapy", variant=d) for d in ("docetaxel", "paclitaxel")]
    model = imo.combine("tumour_immune", "myelosuppression", *drugs)
    one = imo.Regimen().dose("docetaxel", "30 mg/m2", over="1 hour")
    two = one + imo.Regimen().dose("paclitaxel", "80 mg/m2", over="1 hour")
    none, single, pair = (imo.simulate(model, r, times=np.arange(30.0), outputs=[COUNT])[COUNT].min() for r in (None, one, two))
    assert pair < 0.8 * single < 0.8 * none == pytest.approx(0.8 * 5050)


def test_a_course_waits_until_the_count_has_recovered():
    regimen = imo.Regimen().dose("docetaxel", "75 mg/m2", over="1 hour", every="7 days", count=6)
    waits = regimen.when(COUNT, below=1500, then="hold", every="7 days")
    days = np.arange(0, 60.0)
    always, held = (treated("docetaxel", "docetaxel", r, days)[COUNT] for r in (regimen, waits))
    assert np.sum(held < 1000) < 0.5 * np.sum(always < 1000)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*outside their bounds")
def test_leucocytes_under_paclitaxel_follow_the_published_data_set():
    table = pd.read_csv(data_file("myelosuppression/Simulated_WBC_pacl_ddmore_samePK_nlmixr.csv"))
    differences = []
    for _, rows in table.groupby("ID"):
        doses = rows[(rows["EVID"] != 0) & (rows["AMT"] > 0)]
        seen = rows[rows["EVID"] == 0]
        regimen = imo.Regimen()
        for dose, end in zip(doses.itertuples(), rows[rows["AMT"] < 0]["TIME"], strict=True):
            hours = end - dose.TIME  # the amount is the rate in umol an hour
            regimen += imo.Regimen().dose("paclitaxel", float(dose.AMT * hours), over=hours / 24, start=dose.TIME / 24)
        values = {
            "paclitaxel_clearance": rows["CLI"].iloc[0] * 24,
            "paclitaxel_central_volume": rows["V1I"].iloc[0],
            "paclitaxel_peripheral_volume": rows["V2I"].iloc[0],
            "paclitaxel_exchange": 204 * 24,
            "myelosuppression_unbound_fraction": 1.0,
            "myelosuppression_paclitaxel_slope": 28.9,  # L/umol, umol for mg
        }
        run = treated("paclitaxel", "paclitaxel", regimen, np.unique(seen["TIME"]) / 24, **values)
        differences.extend(np.log(seen["DV"]) - np.log(np.interp(seen["TIME"] / 24, run.times, run[COUNT]) / 1000))
    # residual error 0.286; standard deviations between patients 0.33 of the baseline, 0.42 of the slope
    assert len(differences) == 157 and np.mean(differences) == pytest.approx(0.0, abs=0.1)
    assert np.std(differences) < 0.6


@pytest.mark.parametrize(("drug", "said"), [("carboplatin", True), ("docetaxel", False)])
def test_a_drug_that_does_not_act_on_it_is_said(drug: str, said: bool) -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", drug), "myelosuppression")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        imo.simulate(model, until=1)
    assert any("no drug of this model acts on myelosuppression" in str(w.message) for w in seen) == said
