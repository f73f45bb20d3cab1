"""What all functions that draw have in common: the style in force, names as text, and former names of arguments."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from immunoode.errors import DataError, Problem
from immunoode.plot.legends import NARROW
from immunoode.plot.panels import width
from immunoode.plot.quantity_labels import wrapped
from immunoode.plot.style import drawing

P = ParamSpec("P")
R = TypeVar("R")
FORMER_ARGUMENTS = {"axes": "ax", "size": "figsize"}
"""Names that arguments had until version 0.1."""
_POWERS = re.compile(r"[\d.]*×?\$(\\mathdefault\{)?[-−\d.]*(\\times)?[-−\d.]*(\^\{[-−\d.]*\})?\}?\$.*")
"""Powers of ten, the only mathematics in a figure."""
_LETTER = 0.55
"""The width of a letter relative to its height, on average."""
_ALONE, _ABOVE_LEGEND = 1.2, 0.5
"""The longest label of a vertical axis that is not cut off, relative to its height, without and with a legend below it."""
_FEWEST = 12
"""Letters of a line, however small the axes are."""
_WIDEST = 650.0
"""Inches; matplotlib draws at most 65,536 pixels, and 100 of them per inch of a figure on the screen."""
_INSIDE: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether a function is called by another one that draws."""


def figure_function(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw in the style in force, and show dollar signs in names as dollar signs."""

    signature = inspect.signature(draw)

    @wraps(draw)
    def drawn(*args: P.args, **how: P.kwargs) -> R:
        how = _renamed(how)  # type: ignore[assignment]
        if _INSIDE.get():
            return draw(*args, **how)
        _check_place(*_place(signature, args, how))
        token = _INSIDE.set(True)
        try:
            with drawing() as factor:
                before = _ids(how.get("ax"))
                made = draw(*args, **how)
                _finish(made, before, factor)
        finally:
            _INSIDE.reset(token)
        return made

    return drawn


def _renamed(how: Any) -> dict[str, Any]:
    """Return keyword arguments under their present names, with a warning where they have the former ones."""
    for old in [name for name in how if name in FORMER_ARGUMENTS]:
        new = FORMER_ARGUMENTS[old]
        text = f"{old}= of figures is {new}= now; the former name will be removed in version 0.2"
        warnings.warn(text, FutureWarning, stacklevel=4)
        how = {(new if name == old else name): value for name, value in how.items()}
    return dict(how)


def _place(signature: inspect.Signature, args: Any, how: Any) -> tuple[Any, Any]:
    """Return `ax` and `figsize` of a call, given by position or by name; arguments that do not fit are left to the call."""
    try:
        given = signature.bind_partial(*args, **how).arguments
    except TypeError:
        given = how
    return given.get("ax"), given.get("figsize")


def _check_place(ax: Any, figsize: Any) -> None:
    """Refuse invalid values of `ax`, before anything is drawn.

    Raises
    ------
    DataError
    """
    problems = []
    if figsize is not None and not _is_size(figsize):
        problems.append(Problem("figsize", f"is {figsize!r:.60}", "width and height in inches: (6.4, 4)"))
    if ax is not None and not _is_drawn_on(ax):
        problems.append(Problem("ax", f"is {ax!r:.60}", "Axes of matplotlib, a Figure, several Axes, or None"))
    if ax is not None and figsize is not None:
        right = "figsize= where the figure is made, as in plt.subplots(figsize=(6.4, 4)), or no ax="
        problems.append(Problem("figsize", "is the size of a new figure, and the axes given by ax= are in one already", right))
    DataError.raise_if(problems)


def _is_size(figsize: Any) -> bool:
    try:
        width, height = map(float, figsize)
    except (TypeError, ValueError):
        return False
    return 0 < width < _WIDEST and 0 < height < _WIDEST


def _is_drawn_on(ax: Any) -> bool:
    """Return whether there are axes or figures, and nothing else."""
    if hasattr(ax, "plot") or hasattr(ax, "subplots"):
        return True
    if isinstance(ax, str) or not hasattr(ax, "__iter__"):
        return False
    return all(map(_is_drawn_on, list(ax.values() if isinstance(ax, Mapping) else ax)))


def figures(made: Any) -> list[Any]:
    """Return the figures of what a function that draws gives: axes, arrays and tables of them, or a figure."""
    if isinstance(made, str) or made is None:
        return []
    if hasattr(made, "savefig"):
        return [made]
    if hasattr(made, "get_figure"):
        return [made.get_figure(root=True)] if hasattr(made, "subfigs") else [_root(made.get_figure())]
    parts = made.values() if isinstance(made, dict) else made.flat if hasattr(made, "flat") else made
    every = [figure for part in parts for figure in figures(part)] if hasattr(parts, "__iter__") else []
    return list({id(figure): figure for figure in every}.values())


def _root(figure: Any) -> Any:
    """Return the whole figure of a subfigure."""
    while getattr(figure, "figure", figure) is not figure:
        figure = figure.figure
    return figure


def _ids(ax: Any) -> set[int]:
    """Return the artists that are there before the function draws."""
    return {id(artist) for figure in figures(ax) for artist in figure.findobj()}


def _finish(made: Any, before: set[int], factor: float) -> None:
    from matplotlib.text import Text

    for figure in figures(made):
        for text in figure.findobj(Text):
            if "$" in text.get_text() and not _POWERS.fullmatch(text.get_text()):
                text.set_parse_math(False)
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):  # ticks have the settings of the time when they are made
                axis.get_major_ticks(1)
                axis.get_minor_ticks(1)
            _break_labels(axes)
        if factor != 1.0:
            _scale([artist for artist in _drawn(figure) if id(artist) not in before], factor)


def _break_labels(axes: Any) -> None:
    """Break the labels of axes that are longer than the axes."""
    place, (wide, high) = axes.get_position(), 72 * axes.figure.get_figure(root=True).get_size_inches()
    part = _ABOVE_LEGEND if axes.get_legend() is not None and width(axes) < NARROW else _ALONE
    for label, points in ((axes.xaxis.label, wide * place.width), (axes.yaxis.label, part * high * place.height)):
        letters = max(int(points / (_LETTER * label.get_size())), _FEWEST)
        label.set_text("\n".join(wrapped(line, letters) for line in label.get_text().split("\n")))


def _drawn(figure: Any) -> Iterable[Any]:
    """Yield the artists of a figure that functions draw, not the frames of the axes and the ticks."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    for axes in figure.axes:
        yield from (*axes.lines, *axes.collections, *axes.patches, *axes.texts)
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    for legend in legends:
        if legend is not None:
            yield from legend.findobj(
                lambda a, own=legend: isinstance(a, (Line2D, Patch, Collection)) and a is not own.get_frame()
            )


def _scale(artists: Iterable[Any], factor: float) -> None:
    """Multiply line widths, markers and distances in points."""
    from matplotlib.collections import Collection, PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.text import Annotation

    for artist in artists:
        if isinstance(artist, Line2D):
            artist.set(linewidth=artist.get_linewidth() * factor, markersize=artist.get_markersize() * factor)
            artist.set_markeredgewidth(artist.get_markeredgewidth() * factor)
        elif isinstance(artist, Collection):
            artist.set_linewidth([width * factor for width in artist.get_linewidth()])
            if isinstance(artist, PathCollection):
                artist.set_sizes(artist.get_sizes() * factor**2)
        elif isinstance(artist, Patch):
            artist.set_linewidth(artist.get_linewidth() * factor)
        elif isinstance(artist, Annotation) and artist.anncoords == "offset points":
            artist.xyann = tuple(factor * x for x in artist.xyann)
