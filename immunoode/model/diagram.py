"""Diagrams of models as SVG: one column of compartments per member, flows as arrows, influences as dashed lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from immunoode.model.components import Flow, ModelTables, Pulse
from immunoode.model.expressions import names_in
from immunoode.model.resistances import transfers

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _TOP, _LEFT = 150, 36, 240, 72, 46, 20
_BETWEEN_ENDS = 13.0
"""The least distance between ends of lines at the left or right side of a box, as long as the bar of an inhibition."""
_ACTS, _INHIBITS = "#777", "#C0392B"
"""Colours of dashed lines."""


@dataclass(frozen=True)
class _Box:
    name: str
    text: str
    owner: str
    x: float
    y: float
    row: int
    height: float


@dataclass(frozen=True)
class _Arrow:
    source: str
    target: str
    dashed: bool
    inhibits: bool = False


def diagram(model: ModelTables) -> str:
    """Return the diagram of a model as SVG.

    There is one column of compartments per member of the model. A solid arrow is a flow or a pulse; a short arrow has no source
    or no target. A dashed line connects a compartment to another whose flows depend on it, directly or through a modifier: it
    ends with a tip if it acts on what enters, and with a bar if it acts on what leaves. Each line has separate ends and a
    separate path.
    """
    arrows = list(dict.fromkeys(_arrows(model)))
    placed = {box.name: box for box in _boxes(model, 0.0, _ACROSS, {})}
    inner = [a for a in arrows if a.source in placed and a.target in placed]
    heights = _heights(placed, inner)
    placed = {box.name: box for box in _boxes(model, 0.0, _ACROSS, heights)}
    left, right = (max(_bulges(_routes(placed, inner), side), default=0.0) for side in ("left", "right"))
    boxes = {box.name: box for box in _boxes(model, _LEFT + left, max(_ACROSS, _WIDTH + left + right + 24), heights)}
    columns = sorted({box.owner for box in boxes.values()}, key=lambda o: next(b.x for b in boxes.values() if b.owner == o))
    width = max((b.x for b in boxes.values()), default=0) + _WIDTH + max(30, right) + _LEFT
    height = max((b.y + b.height for b in boxes.values()), default=_HEIGHT) + 24
    parts = [_head(width, height)]
    parts += [_title(owner, next(b for b in boxes.values() if b.owner == owner), k) for k, owner in enumerate(columns) if owner]
    parts += [_line(route) for route in _routes(boxes, inner)]
    parts += [
        _stub(boxes[end], bool(a.source))
        for a in arrows
        if not (a.source and a.target) and (end := a.source or a.target) in boxes
    ]
    parts += [_rectangle(box, columns.index(box.owner)) for box in boxes.values()]
    return "".join([*parts, "</svg>"])


@dataclass(frozen=True)
class _Route:
    """A line between two boxes: the sides that it leaves and enters, both ends, and its own way among parallel lines."""

    arrow: _Arrow
    leaves: str
    enters: str
    start: tuple[float, float]
    end: tuple[float, float]
    bulge: float


def _routes(boxes: Mapping[str, _Box], arrows: Sequence[_Arrow]) -> list[_Route]:
    """Return the way of each line; lines at one side of a box end at different points."""
    sides = [_sides(boxes[a.source], boxes[a.target], a.dashed) for a in arrows]
    ports: dict[tuple[str, str], list[tuple[float, float, int, bool]]] = {}
    for k, (arrow, (leaves, enters)) in enumerate(zip(arrows, sides, strict=True)):
        a, b = boxes[arrow.source], boxes[arrow.target]
        ports.setdefault((a.name, leaves), []).append((b.y, b.x, k, False))
        ports.setdefault((b.name, enters), []).append((a.y, a.x, k, True))
    ends = {
        (k, entering): _port(boxes[name], side, (place + 1) / (len(found) + 1))
        for (name, side), found in ports.items()
        for place, (_, _, k, entering) in enumerate(sorted(found))
    }
    bulges = _ways(boxes, arrows, sides)
    return [_Route(a, *sides[k], ends[k, False], ends[k, True], bulges[k]) for k, a in enumerate(arrows)]


def _heights(boxes: Mapping[str, _Box], arrows: Sequence[_Arrow]) -> dict[str, float]:
    """Return the heights of boxes at which the ends of their lines lie apart."""
    ends: Counter[tuple[str, str]] = Counter()
    for arrow in arrows:
        leaves, enters = _sides(boxes[arrow.source], boxes[arrow.target], arrow.dashed)
        ends.update([(arrow.source, leaves), (arrow.target, enters)])
    return {name: max(_HEIGHT, _BETWEEN_ENDS * (max(ends[name, "left"], ends[name, "right"]) + 1)) for name in boxes}


def _sides(a: _Box, b: _Box, dashed: bool) -> tuple[str, str]:
    """Return the sides of two boxes that a line leaves and enters."""
    if a.x != b.x:
        return ("right", "left") if b.x > a.x else ("left", "right")
    if dashed:
        return "left", "left"
    if abs(a.row - b.row) <= 1:
        return ("bottom", "top") if b.y > a.y else ("top", "bottom")
    return "right", "right"


def _port(box: _Box, side: str, fraction: float) -> tuple[float, float]:
    """Return a point on the side of a box; stubs have the outer fifths of the upper and the lower side."""
    if side in ("left", "right"):
        return box.x + (_WIDTH if side == "right" else 0), box.y + fraction * box.height
    return box.x + (0.2 + 0.6 * fraction) * _WIDTH, box.y + (box.height if side == "bottom" else 0)


def _ways(boxes: Mapping[str, _Box], arrows: Sequence[_Arrow], sides: Sequence[tuple[str, str]]) -> dict[int, float]:
    """Return how far each line bends: beside a column, or from the middle between two columns."""
    groups: dict[tuple[float, float, str], list[tuple[float, int]]] = {}
    for k, arrow in enumerate(arrows):
        a, b = boxes[arrow.source], boxes[arrow.target]
        groups.setdefault((min(a.x, b.x), max(a.x, b.x), sides[k][0]), []).append((abs(a.y - b.y), k))
    ways = {}
    for (left, right, _), found in groups.items():
        step = min(10.0, 44.0 / len(found))
        for place, (_, k) in enumerate(sorted(found)):
            ways[k] = 26.0 + 11.0 * place if left == right else (place - (len(found) - 1) / 2) * step
    return ways


def _bulges(routes: Sequence[_Route], side: str) -> Iterator[float]:
    """Yield how far lines bend beside a column."""
    yield from (0.8 * r.bulge + 8 for r in routes if r.leaves == r.enters == side)


def _boxes(model: ModelTables, left: float, across: float, heights: Mapping[str, float]) -> Iterator[_Box]:
    owners = list(dict.fromkeys(c.owner for c in model.compartments.values()))
    rows, tops = dict.fromkeys(owners, 0), dict.fromkeys(owners, float(_TOP))
    for name, part in model.compartments.items():
        column = owners.index(part.owner)
        text = name.removeprefix(f"{part.owner}_").replace("_", " ")
        height = heights.get(name, _HEIGHT)
        yield _Box(name, text, part.owner, left + column * across, tops[part.owner], rows[part.owner], height)
        rows[part.owner] += 1
        tops[part.owner] += height + _DOWN - _HEIGHT


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
    tip = _marker("imo-tip", 8.5, 8, '<path d="M0,0L8,4L0,8z" fill="#444"/>')
    pale = _marker("imo-pale", 8.5, 8, f'<path d="M0,0L8,4L0,8z" fill="{_ACTS}"/>')
    bar = _marker("imo-bar", 7.0, 12, f'<path d="M3.2,0L4.8,0L4.8,8L3.2,8z" fill="{_INHIBITS}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'font-family="sans-serif" font-size="12" role="img"><defs>{tip}{pale}{bar}</defs>'
    )


def _marker(name: str, reference: float, size: int, shape: str) -> str:
    """Return the end of a line; at the reference, it meets the box. Sizes are in pixels."""
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="{reference:g}" refY="4" markerWidth="{size}" markerHeight="{size}" '
        f'markerUnits="userSpaceOnUse" orient="auto">{shape}</marker>'
    )


def _title(owner: str, box: _Box, index: int) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    text = escape(owner.replace("_", " "))
    return f'<text x="{box.x:.0f}" y="{_TOP - 16}" fill="{colour}" font-weight="bold">{text}</text>'


def _rectangle(box: _Box, index: int) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    return (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{_WIDTH}" height="{box.height:.0f}" rx="5" fill="white" '
        f'stroke="{colour}" stroke-width="1.6"/><text x="{box.x + _WIDTH / 2:.0f}" y="{box.y + box.height / 2 + 4:.0f}" '
        f'text-anchor="middle">{escape(box.text)}</text>'
    )


def _line(route: _Route) -> str:
    inhibits = route.arrow.dashed and route.arrow.inhibits
    style = f'stroke="{_INHIBITS if inhibits else _ACTS}" stroke-dasharray="5 3"' if route.arrow.dashed else 'stroke="#444"'
    tip = "imo-bar" if inhibits else "imo-pale" if route.arrow.dashed else "imo-tip"
    return f'<path d="{_path(route)}" fill="none" {style} stroke-width="1.3" marker-end="url(#{tip})"/>'


def _path(route: _Route) -> str:
    """Return a curve between two boxes: beside the column if both are in it, otherwise across."""
    (x1, y1), (x2, y2) = route.start, route.end
    if route.leaves in ("top", "bottom"):
        return f"M{x1:.1f},{y1:.1f}L{x2:.1f},{y2:.1f}"
    if route.leaves == route.enters:
        away = route.bulge if route.leaves == "right" else -route.bulge
        return f"M{x1:.1f},{y1:.1f}C{x1 + away:.1f},{y1:.1f} {x2 + away:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    middle = (x1 + x2) / 2 + route.bulge
    return f"M{x1:.1f},{y1:.1f}C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"


def _stub(box: _Box, leaves: bool) -> str:
    """Return a short arrow into the upper left of a box or out of its lower right."""
    x, y = box.x + (_WIDTH - 18 if leaves else 18), box.y + (box.height if leaves else 0)
    ends = (y, y + 15) if leaves else (y - 15, y)
    return (
        f'<path d="M{x:.0f},{ends[0]:.0f}L{x:.0f},{ends[1]:.0f}" stroke="#444" stroke-width="1.2" fill="none" '
        f'marker-end="url(#imo-tip)"/>'
    )
