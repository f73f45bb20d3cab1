"""Resistances: the flow or pulse between each source and target, less what resistances of the source withstand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from immunoode.errors import Problem, nearest
from immunoode.model.components import CAUSES, Flow, ModelTables, Pulse, Resistance
from immunoode.model.expressions import ExpressionError, constant, parse
from immunoode.model.roles import source_target_pairs

Part = TypeVar("Part", bound=Flow | Pulse)


@dataclass(frozen=True)
class Transfer(Generic[Part]):
    """A flow or pulse `part` from `source` to `target` ("" for none), in which the source's resistances are included."""

    source: str
    target: str
    part: Part


def transfers(model: ModelTables, part: Part) -> tuple[list[Transfer[Part]], list[str]]:
    """Return the transfers that a flow or pulse stands for, and ambiguities as text.

    There is one for each pair of `source_target_pairs`, without those whose source is completely resistant. With resistances
    `s1`, `s2` of the source, a flow has the rate `per_capita * (1 - s1) * (1 - s2)`, and of the cells that survive a pulse
    without resistance, the share S, there are S ** ((1 - s1) * (1 - s2)).
    """
    if isinstance(part, Flow) and part.producer:
        return _productions(model, part)
    pairs, unclear = source_target_pairs(model, part)
    found: list[Transfer[Part]] = []
    for source, target in pairs:
        shares = _shares(model, part, source)
        if not any(constant(parse(share)) == 1 for share in shares):
            found.append(Transfer(source, target, _resisted(part, shares) if shares else part))
    return found, unclear


def _productions(model: ModelTables, part: Any) -> tuple[list[Transfer[Any]], list[str]]:
    """Return, for each target of a flow with a producer, one flow with the sum of the rates of its producers."""
    left, unclear = transfers(model, leaving(part))
    rates: dict[str, list[str]] = {}
    for transfer in left:
        if transfer.target:
            rates.setdefault(transfer.target, []).append(f"({transfer.part.per_capita}) * {transfer.source}")
    made = {
        target: replace(part, producer="", per_capita="", cause="", rate=" + ".join(texts)) for target, texts in rates.items()
    }
    return [Transfer("", target, one) for target, one in made.items()], unclear


def leaving(part: Flow) -> Flow:
    """Return the flow that would leave the producers of a flow."""
    return replace(part, source=part.producer, producer="")


def _shares(model: ModelTables, part: Flow | Pulse, source: str) -> list[str]:
    """Return the shares of the resistances of a compartment against the cause of a flow or pulse."""
    if not part.cause:
        return []
    return [r.share for r in model.resistances.values() if r.of == source and r.against == part.cause]


def _resisted(part: Part, shares: list[str]) -> Part:
    return replace(part, **_changes(part, " * ".join(f"(1 - ({share}))" for share in shares)))


def _changes(part: Flow | Pulse, left: str) -> dict[str, Any]:
    if isinstance(part, Flow):
        return {"per_capita": f"({part.per_capita}) * {left}"}
    return {"fraction": f"1 - ({_survivors(part.fraction)}) ** ({left})"}


def _survivors(fraction: str) -> str:
    """Return the share that a pulse leaves; of "1 - exp(-x)" it is "exp(-x)", which keeps the precision of few survivors."""
    tree = parse(fraction)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Sub) and constant(tree.left) == 1:
        return ast.unparse(tree.right)
    return f"1 - ({fraction})"


def cause_problems(place: str, part: Flow | Pulse) -> Iterator[Problem]:
    """Yield what is wrong with the cause of a flow or pulse; `place` is that of the cause."""
    if not part.cause:
        return
    yield from _cause(place, part.cause)
    if isinstance(part, Flow) and part.rate:
        yield Problem(place, "is stated of a flow with a rate, which resistances cannot reduce", "per_capita instead of rate")
    elif not part.source and not (isinstance(part, Flow) and part.producer):
        yield Problem(place, "is stated of a flow that leaves no compartment", "add from or producer, or omit cause")


def resistance_problems(place: str, resistance: Resistance, model: ModelTables) -> Iterator[Problem]:
    """Yield what is wrong with a resistance: its compartment, its cause, or a share outside [0, 1]."""
    offered = [*model.compartments, *(name for name, need in model.needs.items() if need.value is None)]
    if resistance.of not in offered:
        what = f"{resistance.of!r} is neither a compartment of this model nor in needs"
        yield Problem(f"{place}.of", what, nearest(resistance.of, offered))
    yield from _cause(f"{place}.against", resistance.against)
    yield from _share(f"{place}.share", resistance.share, model)


def _cause(place: str, cause: str) -> Iterator[Problem]:
    if cause not in CAUSES:
        yield Problem(place, f"{cause!r} is not a cause", nearest(cause, CAUSES))


def _share(place: str, share: str, model: ModelTables) -> Iterator[Problem]:
    """Yield a problem if a share is a number, or a parameter with bounds, that is not in [0, 1]."""
    try:
        number = constant(parse(share))
    except ExpressionError:
        return  # reported with all other expressions
    lower, upper = (number, number) if number is not None else _bounds(model, share)
    if lower < 0 or upper > 1:
        what = f"is {share}" if number is not None else f"has the bounds [{lower:g}, {upper:g}]"
        yield Problem(place, what, "from 0 (no resistance) to 1 (a complete one)")


def _bounds(model: ModelTables, name: str) -> tuple[float, float]:
    parameter = model.constants.get(name.strip())
    return (parameter.bounds if parameter else None) or (0.0, 1.0)
