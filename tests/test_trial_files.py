"""Every published table reads with the reader that is right for it, and nothing gets lost on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.published_data import data_file


def test_car_t_patients() -> None:
    data = imo.read_trial(data_file("car_t_patients.csv"), {"arm": "response", "quantity": "observable"})
    assert len(data.subjects) == 14 and len(data) + len(data.left_out) == 154


def test_colorectal_sums_and_survival() -> None:
    path = data_file("colorectal_sum_of_diameters.csv")
    sums = imo.read_trial(path, {"time": "year", "value": "sld_cm"}, "cm", quantity="sum_of_diameters", time_unit="year")
    assert len(sums.subjects) == 150 and len(sums) + len(sums.left_out) == 906
    assert sums.frame["time"].max() > 365
    survival = imo.trial.read_endpoints(
        data_file("colorectal_survival.csv"), {"OS": "time1"}, events={"OS": "state"}, unit="year", repeated="first event"
    )
    assert len(survival.endpoints) == 150 and survival.endpoints["event"].sum() == 121
    new = imo.trial.read_endpoints(
        data_file("colorectal_survival.csv"), {"NL": "time1"}, events={"NL": "new.lesions"}, unit="year", repeated="first event"
    )
    raw = pd.read_csv(data_file("colorectal_survival.csv"))
    assert new.endpoints["event"].sum() == raw.loc[raw["new.lesions"] == 1, "id"].nunique()


def test_the_rest_of_the_long_tables() -> None:
    human = imo.read_trial(data_file("human_tumour_quantity.csv"), {"subject": "name", "time": "date", "value": "size"})
    assert len(human.subjects) == 68 and len(human) + len(human.left_out) == 453
    for name, subjects, rows in (
        ("mouse_4t1_gaba_antipd1.csv", 41, 205),
        ("mouse_b16_il12.csv", None, 211),
        ("mouse_eg7_adoptive_ctl.csv", None, 50),
    ):
        mice = imo.read_trial(data_file(name), {"value": "volume_mm3"}, "mm^3", bad_rows="leave out")
        assert len(mice) + len(mice.left_out) == rows and subjects in (None, len(mice.subjects))
    growth = imo.read_trial(data_file("mouse_breast_growth.csv"), {"value": "value_mm3"}, "mm^3", quantity="tumour_volume")
    assert len(growth.subjects) == 66 and len(growth) == 583
    group = imo.read_trial(
        data_file("mouse_ae17_car_t.csv"), {"subject": "arm", "value": "mean_volume_mm3"}, "mm^3", bad_rows="leave out"
    )
    assert len(group) + len(group.left_out) == 27


def test_erlotinib_with_units_of_its_own() -> None:
    table = pd.read_csv(data_file("mouse_lxf_erlotinib.csv"))
    measured = table[table["Observable"].notna() & table["Value"].notna()]
    data = imo.read_trial(
        measured,
        {"subject": "subject", "time": "Time", "quantity": "Observable", "value": "Value", "arm": "arm"},
        bad_rows="leave out",
    )
    assert len(data) + len(data.left_out) == len(measured) and data.units["Tumour volume"] == "cm^3"


def test_theophylline_in_hours() -> None:
    data = imo.read_trial(
        data_file("theophylline.csv"), {"subject": "Subject", "time": "Time", "value": "conc"}, "mg/L", time_unit="hour"
    )
    assert len(data.subjects) == 12 and len(data) == 132 and data.frame["time"].max() < 1.1


def test_digitised_and_grouped_tables() -> None:
    lindauer = imo.read_trial(
        data_file("mouse_pembrolizumab_lindauer2017.csv"),
        {"subject": "series", "quantity": "figure", "time": "x", "value": "y"},
        bad_rows="leave out",
    )
    assert set(lindauer.quantities) >= {"Fig2a"} and len(lindauer) + len(lindauer.left_out) == 278
    radiation = pd.read_csv(data_file("mouse_mc38_radiation.csv"))
    labelled = radiation.assign(subject=radiation["file"] + " " + radiation["series"].astype(str))
    data = imo.read_trial(labelled, {"arm": "file", "value": "cells_or_um3"}, bad_rows="leave out")
    assert len(data) + len(data.left_out) == 131


def test_elispot_wide_by_pool() -> None:
    table = pd.read_csv(data_file("neoantigen_vaccine_elispot.csv"))
    pools = table.melt(["Day", "Patient"], ["Pool A", "Pool B", "Pool C", "Pool D"], "quantity", "value")
    data = imo.read_trial(pools, {"subject": "Patient", "time": "Day"}, bad_rows="leave out")
    assert len(data.subjects) == 3 and len(data.quantities) == 4


def test_lung_lesions_and_poplar() -> None:
    lesions = imo.trial.read_lesions(data_file("nsclc_atezolizumab_target_lesions.csv"))
    assert len(lesions.subjects) == 628 and len(lesions) + len(lesions.findings) + len(lesions.left_out) == 3599
    poplar = imo.trial.read_endpoints(
        data_file("poplar_clinical.csv"),
        {"PFS": "PFS", "OS": "OS"},
        censored={"PFS": "PFS.CNSR", "OS": "OS.CNSR"},
        unit="month",
        columns={"subject": "PtID", "arm": "TRT01P"},
        covariates={"BAGE": "age", "SEX": "SEX"},
    )
    assert list(poplar.covariates) == ["age", "SEX"] and poplar.reconciliation.columns["BAGE"] == "covariate age"
    assert len(poplar.subjects) == 287 and len(poplar.endpoints) == 574 and poplar.covariates is not None


@pytest.mark.slow
def test_a_million_rows(tmp_path) -> None:  # type: ignore[no-untyped-def]
    count = 1_000_000
    table = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(count // 10), 10),
            "arm": np.tile(["a", "b"], count // 2),
            "day": np.tile(np.arange(10) * 42, count // 10),
            "value": np.random.default_rng(0).lognormal(4, 0.5, count).round(1),
            "unit": "mm",
        }
    )
    table["arm"] = np.where(table["subject"] % 2, "a", "b")
    path = tmp_path / "million.csv"
    table.to_csv(path, index=False)
    data = imo.read_trial(path)
    assert len(data) == count and len(data.subjects) == count // 10
