"""A small PEtab problem in both versions, as files."""

from __future__ import annotations

from pathlib import Path

from tests.sbml_texts import Made

YAML_1 = (
    "format_version: 1\nparameter_file: parameters.tsv\nproblems:\n- sbml_files: [model.xml]\n"
    "  condition_files: [conditions.tsv]\n  observable_files: [observables.tsv]\n  measurement_files: [measurements.tsv]\n"
)
YAML_2 = (
    "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  m:\n"
    "    location: model.xml\n    language: sbml\n"
    "condition_files: [conditions.tsv]\nexperiment_files: [experiments.tsv]\nobservable_files: [observables.tsv]\n"
    "measurement_files: [measurements.tsv]\n"
)


def table(text: str) -> str:
    """Return lines of words with "|" between them as a table with tabs; indents are taken off."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join("\t".join(cell.strip() for cell in line.split("|")) for line in lines) + "\n"


def decay() -> Made:
    """Return A, in amounts, that leaves at the rate k A and arrives at the rate s."""
    made = Made().compartment().parameter("k", 0.3).parameter("s", 0.0)
    return made.species("A", amount=1, substance=True).reaction("k*A", "A").reaction("s", "", "A")


def write(folder: Path, model: Made | str, version: int = 1, **tables: str) -> Path:
    """Write a problem and return its yaml file; tables as `table` takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.xml").write_text(model if isinstance(model, str) else model.text())
    usual = (
        {"conditions": "conditionId\nc"}
        if version == 1
        else {"conditions": "conditionId | targetId | targetValue", "experiments": "experimentId | time | conditionId"}
    )
    for name, text in (usual | tables).items():
        (folder / f"{name}.tsv").write_text(table(text))
    path = folder / "problem.yaml"
    path.write_text(YAML_1 if version == 1 else YAML_2)
    return path
