"""Former names of methods and arguments work with a warning, and the page of former names lists them all."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import immunoode as imo

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
    pairs = list(_written_by().attributes())
    assert ("Comparison.table", "Comparison.outcome_table") in pairs and len(pairs) > 15
    for _, now in pairs:
        value: object = imo
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
