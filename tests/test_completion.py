"""IPython and Jupyter complete names in strings of calls, in a shell and in a kernel, without anything but the import."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import immunoode as imo
from immunoode.completion import shipped
from immunoode.completion.cursor import cursor_of
from immunoode.completion.offers import OFFERS, completions
from immunoode.completion.shell import IDENTIFIER, load_ipython_extension
from immunoode.descriptions.describe import describe
from immunoode.model.library import models_by_therapy

PD1 = imo.load_model("pd1_inhibitor", variant="nivolumab")
NAMES = {
    "imo": imo,
    "immunoode": imo,
    "load_model": imo.load_model,
    "model": imo.combine("tumour_immune", PD1),
    "regimen": imo.Regimen(),
    "open": open,
    "other": inspect,
}


def offered(before: str) -> list[str]:
    """Return the names that are offered at the end of a text."""
    return completions(before, NAMES)[1]


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ('imo.load_model("', "adhikarla2024"),
        ("imo.load_model('pd1", "pd1_inhibitor"),
        ('load_model("pd1', "pd1_inhibitor"),
        ('imo.load_model(name="pd1', "pd1_inhibitor"),
        ('imo.load_model("pd1_inhibitor", variant="niv', "nivolumab"),
        ('imo.load_model("pd1_inhibitor", "atezo', "atezolizumab"),
        ('imo.load_model("PD1', "pd1_inhibitor"),
        ('imo.load_model("_inhibitor', "ctla4_inhibitor"),
        ('imo.load_regimen("nivolumab_i', "nivolumab_ipilimumab_lung"),
        ('imo.load_population("mela', "melanoma_first_line"),
        ('imo.load_dataset("', "atezolizumab_lung"),
        ('imo.virtual_population.load_distribution("', "bajaj2017"),
        ('imo.describe("reactivation', "reactivation_rate"),
        ('imo.describe("simulate_m', "simulate_many"),
        ('imo.combine("', "adhikarla2024"),
        ('imo.combine("tumour_immune", "pd1', "pd1_inhibitor"),
        ('both = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pem', "pembrolizumab"),
        ('imo.simulate("kuzn', "kuznetsov1994"),
        ('imo.simulate("kuznetsov1994", until="3 days", outputs="eff', "effectors"),
        ('imo.simulate("kuznetsov1994", until="3 days", outputs=["effectors", "tumour_', "tumour_cells"),
        ('imo.simulate(model, outputs=["nivolumab_conc', "nivolumab_concentration"),
        ('imo.simulate(model=model, outputs=["nivolumab_conc', "nivolumab_concentration"),
        ('imo.simulate(imo.load_model("tumour_immune"), outputs=["sum', "sum_of_diameters"),
        ('imo.simulate(imo.combine("tumour_immune", "radiotherapy"), outputs=["radiotherapy_d', "radiotherapy_damage"),
        ('imo.simulate("kuznetsov1994", parameters={"recr', "recruitment_rate"),
        ('imo.simulate("kuznetsov1994", parameters={"carrying": 2, "recr', "recruitment_rate"),
        ('imo.simulate_to(path, "kuznetsov1994", outputs=["eff', "effectors"),
        ('imo.fit("kuznetsov1994", data, vary=["recr', "recruitment_rate"),
        ('imo.fit(["tumour_immune", "radiotherapy"], data, ["kill_r', "kill_rate"),
        ('imo.Regimen().dose("pem', "pembrolizumab"),
        ('imo.Regimen().dose("cisplatin", "5 mg", start="(1) day").dose("pem', "pembrolizumab"),
        ('(\n    imo.Regimen()\n    .dose("cisplatin", "5 mg")\n    .dose("pem', "pembrolizumab"),
        ('regimen.dose("pem', "pembrolizumab"),
        ("!echo don't\n%prun imo.load_model(\"pd1", "pd1_inhibitor"),
    ],
)
def test_names_are_offered(before: str, first: str) -> None:
    assert offered(before)[0] == first


@pytest.mark.parametrize(
    "before",
    [
        "",
        "imo.load_model(",
        'imo.load_model("pd1_inhibitor"',
        'imo.load_model("pd1_inhibitor")["',
        'imo.load_model("pd1_inhibitor", variant=f("',
        'imo.load_model("pd1_inhibitor", None, "',
        'imo.load_model("pd1_inhibitor" "',
        'imo.simulate("kuznetsov1994", until="',
        'imo.simulate("kuznetsov1994", parameters={"growth_rate": "',
        'imo.simulate(unknown, outputs=["',
        '# imo.load_model("',
        '"""imo.load_model("\n',
        'other.load_model("',
        'unknown.load_model("',
        'open("',
        'regimen["',
    ],
)
def test_nothing_is_offered_elsewhere(before: str) -> None:
    assert offered(before) == []


def test_the_cursor_is_found_behind_anything() -> None:
    found = cursor_of('a = {"x": [1, (2)]}  # it\'s\nimo.fit(m, d, bounds={"k": (0, 1), "gro')
    assert found is not None
    assert (found.argument, found.key, found.fragment) == ("bounds", True, "gro")


@pytest.mark.parametrize("name", [name for name in OFFERS])
def test_what_is_offered_are_arguments_of_the_function(name: str) -> None:
    place: Any = imo
    for part in name.split("."):
        place = getattr(place, part)
    parameters = [str(p) if p.kind is p.VAR_POSITIONAL else p.name for p in inspect.signature(place).parameters.values()]
    parameters = [p.partition(":")[0] for p in parameters if p != "self"]
    offer = OFFERS[name]
    assert parameters[: len(offer.positional)] == list(offer.positional)
    assert {*offer.names, *offer.keys} <= set(parameters)


def test_the_names_are_those_of_the_lists() -> None:
    assert shipped.models() == sorted(imo.list_models().index)
    assert shipped.variants("pd1_inhibitor") == sorted(imo.load_model("pd1_inhibitor").variants)
    assert shipped.regimens() == sorted(imo.list_regimens().index)
    assert shipped.cohorts() == sorted(imo.list_populations().index)
    assert shipped.distributions() == sorted(imo.virtual_population.list_distributions().index)
    assert shipped.datasets() == sorted(imo.list_datasets().index)
    assert set(models_by_therapy()) <= set(shipped.therapies())
    for name in shipped.all_names()[::60]:
        assert describe(name).sections


def test_keys_of_results_are_completed() -> None:
    run = imo.simulate("kuznetsov1994", until="3 days")
    assert run._ipython_key_completions_() == list(run.names)
    assert completions('run.plot("tumour_', {"run": run})[1] == ["tumour_cells"]


@pytest.fixture
def shell() -> Iterator[Any]:
    interactive = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    made = interactive.instance()
    load_ipython_extension(made)
    made.user_ns["imo"] = imo
    yield made
    interactive.clear_instance()


def matches(shell: Any, text: str) -> list[str]:
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    return [text[: one.start] + one.text for one in found]


@pytest.mark.filterwarnings("ignore:.*pending deprecation")
def test_a_shell_offers_names_and_no_files(shell: Any) -> None:
    assert matches(shell, 'imo.load_population("melanoma_f') == ['imo.load_population("melanoma_first_line']
    assert shell.complete(None, 'imo.load_population("melanoma_f')[1] == ["melanoma_first_line"]
    assert all(name.startswith('imo.load_model("') for name in matches(shell, 'imo.load_model("'))
    assert not any("CHANGELOG" in name for name in matches(shell, 'imo.load_model("'))
    shell.user_ns["run"] = imo.simulate("kuznetsov1994", until="3 days")
    assert matches(shell, 'run["tumour_') == ['run["tumour_cells']


def test_a_second_registration_has_no_effect(shell: Any) -> None:
    load_ipython_extension(shell)
    registered = [m for m in shell.Completer.custom_matchers if getattr(m, "matcher_identifier", "") == IDENTIFIER]
    assert len(registered) == 1


def test_a_problem_within_does_not_disturb_typing(shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(shipped, "models_folder", lambda: 1 / 0)
    assert not any("pd1_inhibitor" in name for name in matches(shell, 'imo.load_model("'))
    assert capsys.readouterr().err == ""


def _told(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_import_registers_only_in_a_shell_that_runs() -> None:
    modules = "sorted(m for m in sys.modules if m.partition('.')[0] == 'IPython' or 'completion' in m)"
    assert _told(f"import sys, immunoode; print({modules})") == "[]"
    pytest.importorskip("IPython")
    assert _told("import IPython, immunoode; print(IPython.get_ipython())") == "None"


@pytest.mark.slow
def test_a_kernel_completes_after_the_import_alone() -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive("import immunoode as imo", timeout=120)
        for code, expected in (
            ('imo.load_model("pd1_inhibitor", variant="nivolumab_z', ["nivolumab_zhang"]),
            ('run = imo.simulate("kuznetsov1994", outputs=["tumour_', ["tumour_cells"]),
        ):
            reply = client.complete(code, cursor_pos=len(code), reply=True, timeout=120)["content"]
            assert reply["matches"] == expected
            assert code[reply["cursor_start"] :] == code.rpartition('"')[2]
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
