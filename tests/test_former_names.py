"""Former names of methods and arguments work with a warning, and the page of former names lists them all."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import renamed_arguments

ROOT = Path(__file__).resolve().parents[1]


def _written_by():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("former_names_page", ROOT / "docs" / "former_names.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_the_page_is_as_the_tables_are_now() -> None:
    text = (ROOT / "docs" / "former_names.md").read_text(encoding="utf-8")
    assert text == _written_by().page(), "run: python docs/former_names.py"


def test_new_names_of_attributes_exist() -> None:
    module = _written_by()
    pairs = list(module.attributes())
    assert ("Comparison.table", "Comparison.outcome_table") in pairs and len(pairs) > 15
    for _, now in pairs:
        value: object = module if hasattr(module, now.split(".")[0]) else imo
        for part in now.split(".")[:-1]:
            value = getattr(value, part)
        fields = getattr(value, "__dataclass_fields__", {})
        assert hasattr(value, now.split(".")[-1]) or now.split(".")[-1] in fields, now


def test_a_former_method_works_with_a_warning() -> None:
    found = imo.compare("kuznetsov1994", {"untreated": None}, until="10 days")
    with pytest.warns(FutureWarning, match=r"Comparison\.table is now Comparison\.outcome_table"):
        assert found.table().equals(found.outcome_table())


def test_former_arguments_work_with_a_warning() -> None:
    axes = {"a": [1.0], "b": [2.0]}
    now = imo.scenario.grid("kuznetsov1994", lambda a, b: imo.Regimen(), axes, until=5, measure="effectors", summary="nadir")
    with pytest.warns(FutureWarning, match=r"grid\(of=\) is now grid\(measure=\)"):
        same = imo.scenario.grid("kuznetsov1994", lambda a, b: imo.Regimen(), axes, until=5, of="effectors", measure="nadir")
    assert same.values == now.values and same.label == now.label


RECORDS = "ID TIME AMT DV WT\n1 0 5 . 82\n1 24 0 3 82"
ENDPOINTS = pd.DataFrame({"subject": ["a", "b"], "os": [10, 20], "dead": [1, 0], "SEX": ["m", "f"]})


def _records() -> pd.DataFrame:
    return pd.DataFrame([line.split() for line in RECORDS.splitlines()[1:]], columns=RECORDS.splitlines()[0].split())


@pytest.mark.parametrize(
    ("name", "read", "names", "mapping"),
    [
        (
            "read_nonmem",
            lambda c: imo.io.read_nonmem(_records(), {1: "drug"}, time_unit="hour", covariates=c).covariates,
            ["WT"],
            {"WT": "WT"},
        ),
        (
            "read_records",
            lambda c: imo.io.read_records(_records(), {1: "drug"}, time_unit="hour", covariates=c, rule="locf")["1"].inputs,
            ["WT"],
            {"WT": "weight"},
        ),
        (
            "read_endpoints",
            lambda c: imo.trial.read_endpoints(ENDPOINTS, {"OS": "os"}, events={"OS": "dead"}, covariates=c).covariates,
            ["SEX"],
            {"SEX": "SEX"},
        ),
    ],
)
def test_names_of_covariates_work_with_a_warning(name: str, read: Any, names: list[str], mapping: dict[str, str]) -> None:
    with pytest.warns(
        FutureWarning, match=re.escape(f"{name}(covariates)={names} is now {name}(covariates)={mapping}")
    ) as seen:
        former = read(names)
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        now = read(mapping)
    assert former.equals(now) if hasattr(former, "equals") else former == now
    with pytest.raises(imo.errors.DataError, match="has two columns for 'x'"):
        read({"WT": "x", "SEX": "x"})
    with pytest.raises(imo.errors.DataError, match="'WT' is 1; the name of a column"):
        read({"WT": 1})


def test_former_arguments_of_results_work_with_a_warning() -> None:
    result = imo.fit("ribba2022", imo.load_example(), vary=["growth_rate"], progress=False)
    with pytest.warns(FutureWarning, match=r"bands\(of=\) is now \S*bands\(kind=\)") as seen:
        former = result.bands([10.0], of="observation")
    assert former.equals(result.bands([10.0], kind="observation")) and seen[0].filename == __file__
    with pytest.warns(FutureWarning, match=r"confidence\(level=\) is now"):
        assert result.confidence(level=0.9).equals(result.confidence(0.9))


def test_former_arguments_of_functions_work_with_a_warning() -> None:
    uniform = imo.virtual_population.Uniform(0, 1)
    with pytest.warns(FutureWarning, match=r"global_sensitivity\(of=\) is now global_sensitivity\(measure=\)"):
        found = imo.global_sensitivity(None, {"a": uniform, "b": uniform}, of=lambda x: x["a"] + 2 * x["b"], n=64)
    with pytest.warns(FutureWarning, match=r"output_table\(of=\) is now \S*output_table\(output=\)"):
        assert found.output_table(of=found.outputs[0]).equals(found.output_table())
    with pytest.warns(FutureWarning, match=r"read_records\(table=\) is now read_records\(source=\)"):
        imo.io.read_records(table=_records(), compartments={1: "drug"}, time_unit="hour")
    runs = imo.compare("kuznetsov1994", {"untreated": None}, until="10 days")
    with pytest.warns(FutureWarning, match=r"scenario_forest\(statistic=\) is now scenario_forest\(summary=\)"):
        imo.plot.scenario_forest(runs, statistic="nadir_change")


def test_a_former_argument_beside_the_present_one_is_refused() -> None:
    @renamed_arguments(level="confidence")
    def f(**options: float) -> float:
        return options["confidence"]

    with pytest.raises(imo.errors.ImmunoodeError, match=r"f\(level=\): is given together with confidence="):
        f(confidence=0.9, level=0.5)


def test_the_page_has_the_former_arguments() -> None:
    pairs = dict(_written_by().arguments())
    assert (
        pairs["FitResult.bands(of=)"] == "FitResult.bands(kind=)"
        and pairs["global_sensitivity(of=)"] == "global_sensitivity(measure=)"
    )
