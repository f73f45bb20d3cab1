"""Roles: which compartments a flow or pulse from "role:tumour" stands for."""

from __future__ import annotations

from immunoode.model.components import BARE_KINDS, Flow, ModelTables, Pulse

ROLE = "role:"


def role_in(end: str) -> str | None:
    """Return the role of "role:tumour", None for a compartment's name."""
    return end.removeprefix(ROLE) if end.startswith(ROLE) else None


def compartments_with_role(model: ModelTables, role: str) -> list[str]:
    """Return the compartments with a role, in the model's order."""
    return [name for name, c in model.compartments.items() if role in c.roles]


def warnings_without_tumour(model: ModelTables) -> list[str]:
    """Return, in words, what acts on tumours in a model of which no compartment is one: a size, or kinetics alone."""
    parts: list[Flow | Pulse] = [*model.flows.values(), *model.pulses.values()]
    owners = dict.fromkeys(part.owner for part in parts if role_in(part.source) == "tumour")
    bases = [name for name, member in model.members.items() if member.kind in BARE_KINDS]
    if not bases or compartments_with_role(model, "tumour"):
        return []
    return [
        f"{owner} acts on compartments with the role 'tumour', and {' + '.join(bases)} has none: it changes no tumour here"
        for owner in owners
    ]


def source_target_pairs(model: ModelTables, part: Flow | Pulse) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the (source, target) pairs of a part, "" for the outside, and what is ambiguous, in words.

    Where a role is the source there is one pair for each compartment that has it. Where a role is the target, what leaves
    a source reaches the only compartment with that role, else the one of the source's own model; with no such compartment
    it just leaves. A part whose only end is a role that nobody has stands for nothing.
    """
    source_role, target_role = role_in(part.source), role_in(part.target)
    sources = compartments_with_role(model, source_role) if source_role else [part.source]
    if not part.source:
        return [("", t) for t in (compartments_with_role(model, target_role) if target_role else [part.target])], []
    found: list[tuple[str, str]] = []
    unclear: list[str] = []
    for source in sources:
        target, problem = _target(model, source, target_role) if target_role else (part.target, "")
        found.append((source, target))
        unclear += [problem] if problem else []
    return found, unclear


def _target(model: ModelTables, source: str, role: str) -> tuple[str, str]:
    candidates = compartments_with_role(model, role)
    if len(candidates) <= 1:
        return (candidates[0] if candidates else ""), ""
    owner = model.compartments[source].owner if source in model.compartments else None
    own = [c for c in candidates if model.compartments[c].owner == owner]
    if len(own) == 1:
        return own[0], ""
    return "", f"what leaves {source!r} could reach any of {', '.join(candidates)}"
