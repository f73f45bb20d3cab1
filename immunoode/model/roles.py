"""Roles: the compartments that "role:tumour" stands for in flows and pulses."""

from __future__ import annotations

from immunoode.model.components import BARE_KINDS, Flow, ModelTables, Pulse

ROLE = "role:"
INSTEAD = {"doomed": "dying"}
"""The role of the target in a model that has no compartment with another one: there, cells die when they are damaged."""


def role_in(end: str) -> str | None:
    """Return the role in "role:tumour", or None for the name of a compartment."""
    return end.removeprefix(ROLE) if end.startswith(ROLE) else None


def compartments_with_role(model: ModelTables, role: str) -> list[str]:
    """Return the compartments with a role, in the order of the model."""
    return [name for name, c in model.compartments.items() if role in c.roles]


def warnings_without_tumour(model: ModelTables) -> list[str]:
    """Return a warning for each part that acts on tumours in a model without a tumour compartment."""
    parts: list[Flow | Pulse] = [*model.flows.values(), *model.pulses.values()]
    owners = dict.fromkeys(part.owner for part in parts if role_in(part.source) == "tumour")
    bases = [name for name, member in model.members.items() if member.kind in BARE_KINDS]
    if not bases or compartments_with_role(model, "tumour"):
        return []
    return [
        f"{owner} acts on compartments with the role 'tumour', and {' + '.join(bases)} has none: it has no effect on a tumour"
        for owner in owners
    ]


def source_target_pairs(model: ModelTables, part: Flow | Pulse) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the (source, target) pairs of a flow or pulse ("" for none), and ambiguities as text.

    If the source is a role, there is one pair per compartment with that role. If the target is a role, it is the only
    compartment with that role, or otherwise the one of the source's own model, or of the base model if the source's has none;
    if no compartment has the role, those with the one in `INSTEAD` count; if none has that, the target is "". A flow with only
    one end that is a role without compartments has no pairs.
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
    candidates = compartments_with_role(model, role) or compartments_with_role(model, INSTEAD.get(role, role))
    if len(candidates) <= 1:
        return (candidates[0] if candidates else ""), ""
    owner = model.compartments[source].owner if source in model.compartments else None
    own = [c for c in candidates if model.compartments[c].owner == owner] or _of_base(model, candidates)
    if len(own) == 1:
        return own[0], ""
    return "", f"the target of the flow from {source!r} is ambiguous: {', '.join(candidates)}"


def _of_base(model: ModelTables, candidates: list[str]) -> list[str]:
    """Return the compartments of the base or published model."""
    bases = {name for name, member in model.members.items() if member.kind in BARE_KINDS}
    return [c for c in candidates if model.compartments[c].owner in bases]
