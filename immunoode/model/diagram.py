"""Diagrams of models as SVG: one column of compartments per member, flows as arrows, influences as dashed lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from immunoode.model.components import Flow, ModelTables, Pulse
from immunoode.model.expressions import names_in
from immunoode.model.resistances import transfers

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _TOP, _LEFT = 150, 30, 230, 58, 46, 20


@dataclass(frozen=True)
class _Box:
    name: str
    text: str
    owner: str
    x: float
    y: float


@dataclass(frozen=True)
class _Arrow:
    source: str
    target: str
    dashed: bool
    inhibits: bool = False


def diagram(model: ModelTables) -> str:
    """Return the diagram of a model as SVG.

    There is one column of compartments per member of the model. A solid arrow is a flow or a pulse; a short arrow has no
    source or no target. A dashed line connects a compartment to another whose flows depend on it, directly or through a
    modifier: it ends with a tip if it acts on what enters, and with a bar if it acts on what leaves.
    """
    arrows = list(dict.fromkeys(_arrows(model)))
    left = _LEFT + max([_curve_offset(a, b) for a, b in _same_column(model, arrows, dashed=True)], default=0)
    boxes = {box.name: box for box in _boxes(model, left)}
    right = max([_curve_offset(a, b) for a, b in _same_column(model, arrows, dashed=False)], default=0)
    columns = sorted({box.owner for box in boxes.values()}, key=lambda o: next(b.x for b in boxes.values() if b.owner == o))
    width = left + _WIDTH + _ACROSS * max(len(columns) - 1, 0) + max(30, right) + _LEFT
    height = max((b.y for b in boxes.values()), default=0) + _HEIGHT + 24
    parts = [_head(width, height)]
    parts += [_title(owner, next(b for b in boxes.values() if b.owner == owner), k) for k, owner in enumerate(columns) if owner]
    parts += [_line(boxes, a) for a in arrows if a.source in boxes and a.target in boxes]
    parts += [
        _stub(boxes[end], bool(a.source))
        for a in arrows
        if not (a.source and a.target) and (end := a.source or a.target) in boxes
    ]
    parts += [_rectangle(box, columns.index(box.owner)) for box in boxes.values()]
    return "".join([*parts, "</svg>"])


def _curve_offset(a: float, b: float) -> float:
    """Return the horizontal offset of a curve between two boxes of a column."""
    return 26 + abs(a - b) * 0.12 if abs(a - b) > _DOWN else 0.0


def _same_column(model: ModelTables, arrows: list[_Arrow], *, dashed: bool) -> Iterator[tuple[float, float]]:
    """Yield the heights of both ends of the arrows within a column."""
    boxes = {box.name: box for box in _boxes(model, 0)}
    for arrow in arrows:
        a, b = boxes.get(arrow.source), boxes.get(arrow.target)
        if a and b and a.x == b.x and arrow.dashed == dashed:
            yield (a.y, b.y) if not dashed or abs(a.y - b.y) > _DOWN else (a.y, a.y + 2 * _DOWN)


def _boxes(model: ModelTables, left: float) -> Iterator[_Box]:
    owners = list(dict.fromkeys(c.owner for c in model.compartments.values()))
    rows = dict.fromkeys(owners, 0)
    for name, part in model.compartments.items():
        column = owners.index(part.owner)
        text = name.removeprefix(f"{part.owner}_").replace("_", " ")
        yield _Box(name, text, part.owner, left + column * _ACROSS, _TOP + rows[part.owner] * _DOWN)
        rows[part.owner] += 1


def _arrows(model: ModelTables) -> Iterator[_Arrow]:
    parts: list[Flow | Pulse] = [*model.flows.values(), *model.pulses.values()]
    for part in parts:
        for transfer in transfers(model, part)[0]:
            yield _Arrow(transfer.source, transfer.target, False)
    for flow in model.flows.values():
        for moved in transfers(model, flow)[0]:
            source, target = moved.source, moved.target
            for cause in _states(model, moved.part.rate or moved.part.per_capita):
                if cause not in (source, target) and (source or target):
                    yield _Arrow(cause, source or target, True, bool(source))
    for modifier in model.modifiers.values():
        causes = _states(model, modifier.factor or modifier.add)
        for effect in _affected_by(model, modifier.of):
            yield from (_Arrow(cause, effect, True) for cause in causes if cause != effect)


def _states(model: ModelTables, text: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """Return up to four compartments that an expression depends on, directly or through other quantities."""
    found: list[str] = []
    for name in sorted(names_in(text)):
        if name in model.compartments:
            found.append(name)
        elif name in model.derived and name not in seen:
            found += _states(model, model.derived[name].expr, seen | {name})
        elif name in model.modifiables and name not in seen:
            found += _states(model, model.modifiables[name].base, seen | {name})
    return list(dict.fromkeys(found))[:4]


def _affected_by(model: ModelTables, quantity: str) -> list[str]:
    """Return up to two compartments whose flows depend on a quantity, directly or through other quantities."""
    reached, found = {quantity}, list[str]()
    for _ in range(4):
        uses = {n: names_in(d.expr) for n, d in model.derived.items()} | {
            n: names_in(m.base) for n, m in model.modifiables.items()
        }
        reached |= {n for n, used in uses.items() if used & reached}
    for flow in model.flows.values():
        for transfer in transfers(model, flow)[0]:
            if names_in(transfer.part.rate or transfer.part.per_capita) & reached:
                found += [transfer.target or transfer.source]
    return list(dict.fromkeys(found))[:2]


def _head(width: float, height: float) -> str:
    marker = '<marker id="imo-tip" viewBox="0 0 8 8" refX="8.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    tip = '<path d="M0,0L8,4L0,8z" fill="#444"/>'
    pale = marker.replace("imo-tip", "imo-pale") + tip.replace("#444", "#888") + "</marker>"
    wall = '<path d="M3.8,0L5.2,0L5.2,8L3.8,8z" fill="#555"/></marker>'
    bar = marker.replace("imo-tip", "imo-bar").replace('refX="8.5"', 'refX="7.2"').replace('="7"', '="11"') + wall
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'font-family="sans-serif" font-size="12" role="img"><defs>{marker}{tip}</marker>{pale}{bar}</defs>'
    )


def _title(owner: str, box: _Box, index: int) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    text = escape(owner.replace("_", " "))
    return f'<text x="{box.x:.0f}" y="{_TOP - 16}" fill="{colour}" font-weight="bold">{text}</text>'


def _rectangle(box: _Box, index: int) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    return (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="white" stroke="{colour}" '
        f'stroke-width="1.6"/><text x="{box.x + _WIDTH / 2:.0f}" y="{box.y + _HEIGHT / 2 + 4:.0f}" '
        f'text-anchor="middle">{escape(box.text)}</text>'
    )


def _line(boxes: dict[str, _Box], arrow: _Arrow) -> str:
    a, b = boxes[arrow.source], boxes[arrow.target]
    style = 'stroke="#888" stroke-dasharray="4 3"' if arrow.dashed else 'stroke="#444"'
    tip = "imo-tip" if not arrow.dashed else "imo-bar" if arrow.inhibits else "imo-pale"
    line = _curve_on_the_left(a, b) if arrow.dashed and a.x == b.x else _path(a, b)
    return f'<path d="{line}" fill="none" {style} stroke-width="1.2" marker-end="url(#{tip})"/>'


def _curve_on_the_left(a: _Box, b: _Box) -> str:
    """Return a curve on the left of a column; flows are on its right."""
    y1, y2 = a.y + _HEIGHT / 2 + (4 if b.y > a.y else -4), b.y + _HEIGHT / 2 + (-7 if b.y > a.y else 7)
    x = a.x - max(_curve_offset(a.y, b.y), 34)
    return f"M{a.x:.0f},{y1:.0f}C{x:.0f},{y1:.0f} {x:.0f},{y2:.0f} {b.x:.0f},{y2:.0f}"


def _path(a: _Box, b: _Box) -> str:
    """Return a curve between two boxes: beside the column if both are in it, otherwise across."""
    if a.x == b.x:
        down = b.y > a.y
        if abs(a.y - b.y) <= _DOWN:
            shift = 18 if down else -18
            x = a.x + _WIDTH / 2 + shift
            return f"M{x:.0f},{a.y + (_HEIGHT if down else 0):.0f}L{x:.0f},{b.y + (0 if down else _HEIGHT):.0f}"
        x, bulge = a.x + _WIDTH, _curve_offset(a.y, b.y)
        y1, y2 = a.y + _HEIGHT / 2 + 4, b.y + _HEIGHT / 2 - 4
        return f"M{x:.0f},{y1:.0f}C{x + bulge:.0f},{y1:.0f} {x + bulge:.0f},{y2:.0f} {x:.0f},{y2:.0f}"
    right = b.x > a.x
    x1, x2 = a.x + (_WIDTH if right else 0), b.x + (0 if right else _WIDTH)
    y1, y2 = a.y + _HEIGHT / 2, b.y + _HEIGHT / 2
    middle = (x1 + x2) / 2
    return f"M{x1:.0f},{y1:.0f}C{middle:.0f},{y1:.0f} {middle:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"


def _stub(box: _Box, leaves: bool) -> str:
    """Return a short arrow into the upper left of a box or out of its lower right."""
    x, y = box.x + (_WIDTH - 18 if leaves else 18), box.y + (_HEIGHT if leaves else 0)
    ends = (y, y + 15) if leaves else (y - 15, y)
    return (
        f'<path d="M{x:.0f},{ends[0]:.0f}L{x:.0f},{ends[1]:.0f}" stroke="#444" stroke-width="1.2" fill="none" '
        f'marker-end="url(#imo-tip)"/>'
    )
