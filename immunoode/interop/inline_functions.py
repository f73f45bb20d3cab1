"""Size of formulas with inlined function definitions, checked before inlining."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from immunoode.errors import ModelError, Problem

Node = Any
"""An ASTNode of libsbml."""
MAX_PARTS = 200_000
"""The largest number of nodes of all formulas after inlining."""


def check_inlined_size(model: Any, where: str) -> None:
    """Refuse recursive function definitions, and those that make formulas excessively long.

    Raises
    ------
    ModelError
        With the recursive definitions, or the number of nodes.
    """
    count = model.getNumFunctionDefinitions()
    definitions = {model.getFunctionDefinition(k).getId(): model.getFunctionDefinition(k) for k in range(count)}
    sizes = _Sizes(definitions, where)
    total = sum(sizes.of(node, {}) for node in _formulas(model)) if definitions else 0.0
    if total > MAX_PARTS:
        what = f"its formulas have {total:.3g} parts after inlining of function definitions"
        raise ModelError(Problem(where, what, f"at most {MAX_PARTS}"))


class _Sizes:
    def __init__(self, definitions: Mapping[str, Any], where: str) -> None:
        self.definitions, self.where = definitions, where
        self.known: dict[str, tuple[float, list[float]]] = {}
        self.open: list[str] = []

    def of(self, node: Node, own: Mapping[str, float]) -> float:
        """Return the number of nodes of a formula; `own` has the number of nodes of each argument."""
        if node.getNumChildren() == 0 and node.getName() in own:
            return own[node.getName()]
        parts = [self.of(node.getChild(k), own) for k in range(node.getNumChildren())]
        if node.getName() not in self.definitions or not node.isFunction():
            return 1.0 + sum(parts)
        body, uses = self.body(node.getName())
        return body + sum(u * p for u, p in zip(uses, parts, strict=False))

    def body(self, name: str) -> tuple[float, list[float]]:
        """Return the number of nodes of a definition without its arguments, and the number of uses of each argument."""
        if name in self.open:
            circle = " -> ".join([*self.open[self.open.index(name) :], name])
            what = f"its function definitions call themselves: {circle}"
            raise ModelError(Problem(self.where, what, "definitions that are not recursive"))
        if name not in self.known:
            self.open.append(name)
            found = self.definitions[name]
            arguments = [found.getArgument(k).getName() for k in range(found.getNumArguments())]
            tree = found.getBody()
            plain = self.of(tree, dict.fromkeys(arguments, 0.0)) if tree is not None else 0.0
            each = [
                self.of(tree, {b: float(a == b) for b in arguments}) - plain if tree is not None else 0.0 for a in arguments
            ]
            self.known[name] = plain, each
            self.open.pop()
        return self.known[name]


def _formulas(model: Any) -> Iterator[Node]:
    """Yield all formulas of a model."""
    parts = [model.getRule(k) for k in range(model.getNumRules())]
    parts += [model.getInitialAssignment(k) for k in range(model.getNumInitialAssignments())]
    for k in range(model.getNumReactions()):
        reaction = model.getReaction(k)
        parts.append(reaction.getKineticLaw())
        ends = [reaction.getReactant(j) for j in range(reaction.getNumReactants())]
        ends += [reaction.getProduct(j) for j in range(reaction.getNumProducts())]
        parts += [end.getStoichiometryMath() for end in ends]
    for k in range(model.getNumEvents()):
        event = model.getEvent(k)
        parts += [event.getTrigger(), event.getDelay(), event.getPriority()]
        parts += [event.getEventAssignment(j) for j in range(event.getNumEventAssignments())]
    for part in parts:
        if part is not None and part.getMath() is not None:
            yield part.getMath()
