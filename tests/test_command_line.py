"""The command line as a whole: every command has help with an example that parses, and each way of ending has its status."""

import json
import os
import shlex
import subprocess
import sys
import tomllib

import pandas as pd
import pytest

import immunoode as imo
from immunoode.command_line.main import command_line, main

PARSERS = {}
command_line(PARSERS)
LIGHT = "import sys; from immunoode.command_line.main import main; code = 0\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
LIGHT += "print(*sorted({'numpy', 'pandas', 'scipy', 'numba', 'matplotlib', 'pint'} & set(sys.modules)), file=sys.stderr)"
"""A program that runs the command line and says which heavy libraries it imported."""


def run(*arguments):
    """Return status, output and errors of the program in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "immunoode", *arguments], capture_output=True, text=True, encoding="utf-8")
    return done.returncode, done.stdout, done.stderr


def refused(capsys, *arguments):
    """Return the message of arguments that cannot be used."""
    assert main(arguments) == 2
    caught = capsys.readouterr()
    assert caught.err.startswith("immunoode: ")
    assert "Traceback" not in caught.err
    assert caught.out == ""
    return caught.err


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_has_help_with_an_example_that_is_understood(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text
    parser = PARSERS[name]
    examples = [line for line in parser.epilog.split("\n  immunoode ")[1:]]
    assert examples
    for example in examples:
        words = shlex.split(example.replace("\\\n", "").partition(" | ")[0].partition(" > ")[0], comments=True)
        assert command_line({}).parse_all(words).path == name


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["simulate", "--help"], ["simulat"]])
def test_what_needs_no_model_imports_no_heavy_library(arguments):
    done = subprocess.run([sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == ""


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"immunoode {imo.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        ([], "COMMAND must be given"),
        (["simulat"], "did you mean 'simulate'?"),
        (["simulate", "tumour_immune", "--untl", "3"], "did you mean '--until'"),
        (["simulate"], "MODEL must be given"),
        (["simulate", "claret2009", "--rtol", "small"], "--rtol: invalid float value"),
        (["simulate", "claret2009"], "--until='1 year'"),
        (["simulate", "tumour_imune", "claret209", "--until", "3"], "2 problems"),
        (["simulate", "claret2009", "--until", "3", "--set", "growth_rat=1"], "did you mean 'growth_rate'?"),
        (["simulate", "claret2009", "--until", "3", "--set", "growth_rate"], "NAME=VALUE"),
        (["simulate", "claret2009", "--until", "3", "--set", "growth_rate=1 kg"], "does not measure the same thing"),
        (["simulate", "claret2009", "--until", "3", "--set", "growth_rate=1", "--set", "growth_rate=2"], "stated twice"),
        (["simulate", "claret2009", "--until", "3", "--outputs", "volum"], "output 'volum'"),
        (["simulate", "claret2009", "--until", "3", "--out", "a.docx"], "does not end in a format of tables"),
        (["simulate", "claret2009", "--until", "3", "--figure", "a.docx"], "does not end in a format of figures"),
        (["simulate", "claret2009", "--until", "3", "--format", "parquet"], "does not go to standard output"),
        (["simulate", "claret2009", "--until", "3", "--out", "nowhere/a.csv"], "make the folder"),
        (["simulate", "claret2009", "--until", "3", "--out", "a.csv", "--save-config", "a.csv"], "several outputs"),
        (["simulate", "claret2009", "--until", "3", "--dose", "drug"], "states no amount"),
        (["simulate", "claret2009", "--until", "3", "--dose", "drug 3 mg evry 3 weeks"], "did you mean 'every'?"),
        (["simulate", "claret2009", "--until", "3", "--dose", "drug 3 mg every 3 weeks"], "no number of doses"),
        (["simulate", "claret2009", "--until", "3", "--dose", "drug 3 mg every 3 weeks x 0"], "a whole number from 1"),
        (["simulate", "claret2009", "--until", "3", "--dose", "nivolumab 3 mg/kg"], "combine the model with one that takes"),
        (["simulate", "claret2009", "--until", "3", "--regimen", "nivolumab_ipi"], "is not in the library"),
        (["simulate", "claret2009", "--until", "3", "--doses", "absent.csv"], "absent.csv: does not exist"),
        (["simulate", "claret2009", "--until", "3", "--out", ""], "--out: is empty"),
        (["simulate", "claret2009", "--until", "3", "--outputs", " "], "--outputs: is empty"),
        (["simulate", "claret2009", "--until", "3", "--outputs", "size, size"], "output 'size': is stated twice"),
        (["simulate", "claret2009", "--until", "3", "--report", "a.pdf"], "a.pdf: does not end in .html"),
        (["simulate", "claret2009", "--until", "3", "--save-config", "a.json"], "a.json: does not end in .toml"),
        (["simulate", "claret2009", "--until", "soon"], "until: time 'soon': does not begin with a number; days, or a text"),
        (["simulate", "claret2009", "--until", "3", "--start", "3 kg"], "start: unit 'kg'"),
        (["fit", "claret2009", "--data", "", "--vary", "growth_rate"], "--data: is empty"),
        (["models", "--show", ""], "--show: is empty"),
        (["models", ""], "WORD: is empty"),
        (["simulate", "claret2009", "--until", "3", "--set", "growth_rate=0,03"], "a point: growth_rate=0.03"),
        (["models", "---", "--kind", "base"], "is not understood"),
        (["models", "qwertz"], "nothing matches qwertz"),
        (["regimens", "qwertz"], "nothing matches qwertz"),
        (["models", "--show", "pd1_inhibitor:nivolumb"], "did you mean 'nivolumab'"),
        (["regimens", "--show", "nivolumab_ipi"], "is not in the library"),
        (["check", "absent.toml", "--format", "jsn"], "did you mean 'json'?"),
        (["run", "absent.toml"], "absent.toml: does not exist"),
        (["cite", "nobody2020"], "is not a shipped model"),
    ],
)
def test_what_cannot_be_used_is_said_without_a_traceback(arguments, phrase, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert phrase in refused(capsys, *arguments)
    assert not list(tmp_path.iterdir())


ABSENT = {
    "check": ["check", "absent.toml", "absent too.toml"],
    "check as JSON": ["check", "absent.toml", "absent too.toml", "--format", "json"],
    "cite": ["cite", "absent.toml"],
    "models": ["models", "--show", "absent.toml"],
    "simulate": ["simulate", "absent.toml", "--until", "3", "--parameters", "absent too.csv", "--doses", "absent.csv"],
    "fit": ["fit", "absent.toml", "--data", "absent.csv", "--vary", "growth_rate"],
    "population fit": [
        "population",
        "fit",
        "absent.toml",
        "--data",
        "absent.csv",
        "--vary",
        "growth_rate",
        "--random",
        "growth_rate",
    ],
    "response": ["endpoints", "response", "absent.csv"],
    "survival": ["endpoints", "survival", "absent.csv", "--time", "OS=months", "--event", "OS=dead", "--time-unit", "month"],
    "report": ["report", "absent.fit", "--out", "absent.html"],
    "run": ["run", "absent.toml"],
    "demo": ["demo", "--data", "absent.csv"],
}


@pytest.mark.parametrize("arguments", ABSENT.values(), ids=list(ABSENT))
def test_a_file_that_does_not_exist_is_refused_alike_by_all_commands(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = refused(capsys, *arguments)
    files = [one for one in arguments if one.startswith("absent") and not one.endswith(".html")]
    assert all(f"{file}: does not exist; the path of a file that exists" in text for file in files)
    assert not list(tmp_path.iterdir())


def test_a_similar_file_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trial.csv").write_text("subject\n", encoding="utf-8")
    assert "did you mean 'trial.csv'?" in refused(capsys, "endpoints", "response", "trail.csv")
    assert "'nowhere' is not a folder" in refused(capsys, "endpoints", "response", "nowhere/trial.csv")


def test_a_wide_table_is_recognised_and_its_option_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"Mouse ID": ["a"], "Group": ["x"], "Day 0": [80.0], "Day 3": [120.0]}).to_csv("wide.csv", index=False)
    text = refused(capsys, "fit", "mouse_tumour_immune", "--data", "wide.csv", "--vary", "growth_rate")
    assert "a column for each of 2 times; --layout wide" in text


def test_an_error_in_the_package_itself_has_its_own_status(monkeypatch, capsys):
    monkeypatch.setattr("immunoode.solve.warm.warm", lambda: 1 / 0)
    assert main(["warm"]) == 70
    text = capsys.readouterr().err
    assert "internal error: ZeroDivisionError" in text
    assert "--traceback" in text
    assert main(["warm", "--traceback"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr("immunoode.solve.warm.warm", stopped)
    assert main(["warm"]) == 130
    assert capsys.readouterr().err == "immunoode: stopped\n"


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error():
    reading, writing = os.pipe()
    program = subprocess.Popen(
        [sys.executable, "-m", "immunoode", "simulate", "claret2009", "--until", "100000"],
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    os.read(reading, 100)
    os.close(reading)
    assert program.communicate()[1] == b""
    assert program.returncode == 141


def test_simulation_as_table_and_figure_in_a_folder_with_spaces_and_accents(tmp_path, monkeypatch):
    folder = tmp_path / "données 2 µ"
    folder.mkdir()
    monkeypatch.chdir(folder)
    dose = "pembrolizumab 200 mg every 3 weeks x 3 over 30 min"
    arguments = ["tumour_immune", "pd1_inhibitor:pembrolizumab", "--dose", dose, "--until", "9 weeks", "--set", "weight=90 kg"]
    assert main(["simulate", *arguments, "--out", "o ü.csv", "--figure", "f é.svg", "--outputs", "sum_of_diameters"]) == 0
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab")).with_values(weight=90)
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=3, over="30 min")
    expected = imo.simulate(model, regimen, until="9 weeks", outputs=["sum_of_diameters"]).to_frame()
    found = pd.read_csv("o ü.csv", float_precision="round_trip")
    assert list(found.columns) == ["subject", "time", "sum_of_diameters"]
    assert (found["sum_of_diameters"] == expected["sum_of_diameters"]).all()
    assert (folder / "f é.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(("ending", "read"), [("csv", pd.read_csv), ("tsv", pd.read_table), ("xlsx", pd.read_excel)])
def test_formats_of_tables(tmp_path, ending, read):
    path = tmp_path / f"table.{ending}"
    assert main(["simulate", "claret2009", "--times", "0, 1 week, 14", "--out", str(path), "--headings", "units"]) == 0
    table = read(path)
    assert table["time (day)"].tolist() == [0, 7, 14]
    assert "sum_of_diameters (mm)" in table


def test_parquet_and_json(tmp_path):
    pytest.importorskip("pyarrow")
    options = ["simulate", "claret2009", "--times", "0,7", "--outputs", "size"]
    assert main([*options, "--out", str(tmp_path / "t.parquet")]) == 0
    assert main([*options, "--out", str(tmp_path / "t.json")]) == 0
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert table.to_dict("records") == json.loads((tmp_path / "t.json").read_text())


def test_doses_and_parameters_of_subjects_from_tables(tmp_path, capsys):
    doses = tmp_path / "doses.csv"
    doses.write_text(
        "patient,therapy,day,amount,unit\na,pembrolizumab,0,200,mg\na,pembrolizumab,21,200,mg\nb,pembrolizumab,7,2,mg/kg\n"
    )
    values = tmp_path / "values.csv"
    values.write_text("subject,weight\nb,60\na,80\n")
    models = ["tumour_immune", "pd1_inhibitor:pembrolizumab"]
    options = ["--times", "1,8,22", "--outputs", "pembrolizumab_central", "--doses", str(doses)]
    assert main(["simulate", *models, *options, "--parameters", str(values), "--format", "json"]) == 0
    rows = pd.DataFrame(json.loads(capsys.readouterr().out)).set_index(["subject", "time"])["pembrolizumab_central"]
    assert rows["b"].tolist()[0] == 0 and 80 < rows["b"][8] < 120
    assert rows["a"][1] > 150 and rows["a"][22] > rows["a"][8]
    values.write_text("subject,weight\nb,60\n")
    assert "have other subjects than the doses: a" in refused(
        capsys, "simulate", *models, *options, "--parameters", str(values), "--format", "json"
    )


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("therapy,day,amount\n", "has no rows"),
        ("therapy,day\npembrolizumab,0\n", "has no column amount"),
        ("therapy,day,amount,unit\npembrolizumab,0,200,mgg\npembrolizumab,x,200,mg\n", "row 2"),
        ("therapy,day,amount,unit\npembrolizumab,0,200,mgg\npembrolizumab,x,200,mg\n", "row 3"),
    ],
)
def test_tables_of_doses_that_cannot_be_used(text, phrase, tmp_path, capsys):
    path = tmp_path / "doses.csv"
    path.write_text(text)
    assert phrase in refused(
        capsys, "simulate", "tumour_immune", "pd1_inhibitor:pembrolizumab", "--until", "9", "--doses", str(path)
    )


def test_a_saved_configuration_gives_identical_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "doses.csv").write_text("therapy,day,amount,unit\npembrolizumab,-1,200,mg\n")
    options = ["--doses", "doses.csv", "--start=-1", "--until", "9", "--set", "growth_rate=0.01"]
    command = ["simulate", "tumour_immune", "pd1_inhibitor:pembrolizumab", *options, "--out", "first.csv"]
    assert main([*command, "--save-config", "saved.toml"]) == 0
    first = (tmp_path / "first.csv").read_bytes()
    assert main(["run", "saved.toml", "--out", "second.csv"]) == 0
    assert (tmp_path / "second.csv").read_bytes() == first
    (tmp_path / "first.csv").unlink()
    assert main(["run", "saved.toml"]) == 0
    assert (tmp_path / "first.csv").read_bytes() == first
    assert "warning" not in capsys.readouterr().err
    saved = tomllib.loads((tmp_path / "saved.toml").read_text())
    assert saved["versions"]["immunoode"] == imo.__version__
    assert list(saved["inputs"]) == ["doses.csv"]
    (tmp_path / "doses.csv").write_text("therapy,day,amount,unit\npembrolizumab,-1,300,mg\n")
    assert main(["run", "saved.toml"]) == 0
    assert "doses.csv has changed since" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("command =", "is not TOML"),
        ("", "names no command"),
        ('command = "simulat"', "did you mean 'simulate'?"),
        ('command = "run"', "is not known"),
        ('comand = "simulate"', "did you mean 'command'?"),
        ('command = "simulate"\noptions = 3', "is not a table"),
        ('command = "simulate"\n[options]\nuntill = 3\nset = true', "did you mean 'until'?"),
        ('command = "simulate"\n[options]\nmodels = [[1]]', "text in quotes"),
        ('command = "simulate"\n[options]\nmodels = "claret209"\nuntil = 3', "did you mean 'claret2009'?"),
    ],
)
def test_configurations_that_cannot_be_used(text, phrase, tmp_path, capsys):
    path = tmp_path / "c.toml"
    path.write_text(text)
    assert phrase in refused(capsys, "run", str(path))


def test_a_configuration_by_hand(tmp_path, capsys):
    path = tmp_path / "c.toml"
    path.write_text('command = "simulate"\n[options]\nmodels = ["claret2009"]\nuntil = 3\noutputs = "size"\n')
    assert main(["run", str(path), "--set", "growth_rate=0.03", "--format", "tsv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "subject\ttime\tsize"


def test_an_output_never_replaces_an_input(tmp_path, capsys):
    path = tmp_path / "doses.csv"
    path.write_text("therapy,day,amount,unit\npembrolizumab,0,200,mg\n")
    before = path.read_text()
    options = ["--until", "3", "--doses", str(path), "--out", str(tmp_path / "." / "doses.csv")]
    assert "is a file that the command reads" in refused(capsys, "simulate", "tumour_immune", *options)
    assert path.read_text() == before


def test_models_are_searched_and_shown(capsys):
    assert main(["models", "mouse", "tumor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "kind", "title"]
    assert any(line.startswith("mouse_tumour_immune") for line in lines)
    assert main(["models", "--format", "json"]) == 0
    assert {one["name"] for one in json.loads(capsys.readouterr().out)} == set(imo.list_models().index)
    assert main(["models", "--show", "pd1_inhibitor:nivolumab", "--format", "csv"]) == 0
    assert "clearance_change_time,58.75,day,5 to 400," in capsys.readouterr().out


def test_a_regimen_of_the_library_as_a_table_of_doses(tmp_path, capsys):
    name, path = "nivolumab_ipilimumab_lung", tmp_path / "doses.csv"
    assert main(["regimens", "--show", name, "--out", str(path)]) == 0
    models = ["tumour_immune", "pd1_inhibitor:nivolumab", "ctla4_inhibitor:ipilimumab", "--until", "60"]
    assert main(["simulate", *models, "--regimen", name]) == 0
    from_library = capsys.readouterr().out
    assert main(["simulate", *models, "--doses", str(path)]) == 0
    assert capsys.readouterr().out == from_library


def test_check_says_all_problems_of_a_file(tmp_path, capsys):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    assert main(["models", "--show", "claret2009"]) == 0
    imo.save_model(imo.load_model("claret2009"), good)
    bad.write_text('kind = "bse"\ntitel = "x"\n[compartments]\na = { initial = 1 }\n')
    capsys.readouterr()
    assert main(["check", str(good)]) == 0
    assert "no problems" in capsys.readouterr().out
    assert main(["check", str(good), str(bad)]) == 1
    text = capsys.readouterr().out
    assert "bad.toml: 3 problems" in text and "did you mean 'title'?" in text
    assert main(["check", str(good), str(bad), "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [len(one["problems"]) for one in told] == [0, 3]
    assert set(told[1]["problems"][0]) == {"where", "what", "right"}


def test_cite(capsys):
    assert main(["cite", "claret2009", "claret2009"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("@software{immunoode,") and text.count("@article{claret2009,") == 1


def test_doctor(capsys):
    assert main(["doctor", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert {"versions", "solver", "cache of kernels", "extras"} <= set(found)
    assert main(["doctor"]) == 0
    assert "no problems" in capsys.readouterr().out
