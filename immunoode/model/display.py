"""Models as text, and as HTML with diagram, equations and tables for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from immunoode.model.components import ModelTables, Parameter
from immunoode.model.diagram import diagram
from immunoode.model.latex import break_lines, definitions, dose_effects, state_equations
from immunoode.notebook import plain


def summary(model: ModelTables) -> str:
    """Return a summary of a model in a few lines of text."""
    needs = [name for name, need in model.needs.items() if need.value is None]
    lines = [
        f"{model.name} ({model.kind}): {model.title}",
        f"  compartments: {', '.join(f'{n} [{c.unit}]' for n, c in model.compartments.items()) or 'none'}",
        f"  inputs: {', '.join(f'{n} [{i.unit}]' for n, i in model.inputs.items()) or 'none'}",
        f"  parameters: {len(model.parameters)}, covariates: {', '.join(model.covariates) or 'none'}",
    ]
    lines += [f"  variants: {', '.join(model.variants)}"] if model.variants else []
    patients = ", ".join(model.reference_patients)
    lines += [f"  reference patients: {patients}"] if patients else []
    lines += [f"  needs: {', '.join(needs)}"] if needs else []
    return "\n".join(lines)


def html(model: ModelTables) -> str:
    """Return a model as HTML: title, diagram, equations in LaTeX, compartments, and parameters with sources."""
    parts = [plain(f"<h3>{escape(model.title or model.name)}</h3>{_about(model)}"), diagram(model)]
    parts += [_section("Equations", _equations(state_equations(model).values()), opened=True)]
    at_doses = dose_effects(model)
    parts += [_section("At a dose", _equations(at_doses))] if at_doses else []
    parts += [_section("Definitions", _equations(definitions(model).values()))]
    parts += [_section("Compartments and inputs", _compartments(model))]
    parts += [_section(f"Parameters ({len(model.constants)})", parameter_table(model))]
    return "<div>" + "".join(parts) + "</div>"


def parameter_table(model: ModelTables) -> str:
    """Return the parameters of a model as an HTML table: value, unit, bounds, meaning, source."""
    return _table(("name", "value", "unit", "bounds", "meaning", "source"), parameter_rows(model))


def parameter_rows(model: ModelTables) -> list[tuple[str, ...]]:
    """Return name, value, unit, bounds, meaning and source of each parameter and covariate, as text."""
    return [_parameter(name, p, name in model.covariates) for name, p in model.constants.items()]


def _about(model: ModelTables) -> str:
    who = ", ".join(f"{name} ({m.kind})" for name, m in model.members.items()) or f"{model.name} ({model.kind})"
    text = "".join(f"<p>{escape(p.strip())}</p>" for p in model.description.split("\n\n") if p.strip())
    more = f"<details><summary>About</summary>{text}</details>" if text else ""
    return f"<p><code>{escape(who)}</code></p>{more}"


def _section(title: str, body: str, opened: bool = False) -> str:
    return f"<details{' open' if opened else ''}><summary><b>{escape(title)}</b></summary>{body}</details>"


def _equations(lines: Iterable[str]) -> str:
    style = "overflow-x: auto"  # long lines are scrolled, not cut
    return "".join(f'<div style="{style}">$$ {escape(break_lines(line), quote=False)} $$</div>' for line in lines)


def _compartments(model: ModelTables) -> str:
    states = [(n, c.unit, str(c.initial), ", ".join(c.roles), c.title) for n, c in model.compartments.items()]
    inputs = [(n, i.unit, i.into, i.title) for n, i in model.inputs.items()]
    resistances = [(r.of, r.against, r.share, r.title) for r in model.resistances.values()]
    found = _table(("compartment", "unit", "initial", "roles", "meaning"), states)
    found += _table(("input", "unit", "into", "meaning"), inputs) if inputs else ""
    return found + (_table(("resistance of", "against", "share", "meaning"), resistances) if resistances else "")


def _parameter(name: str, p: Parameter, covariate: bool) -> tuple[str, ...]:
    bounds = f"{p.bounds[0]:g} to {p.bounds[1]:g}" if p.bounds else ""
    meaning = p.title + (" (covariate)" if covariate else "")
    return name, f"{p.value:g}", p.unit, bounds, meaning, p.source or "no source"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return plain(f"<table><tr>{cells}</tr>{body}</table>")
