"""The style of figures: fonts, line widths, colours and export, for a paper, a notebook or a slide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal

from immunoode.errors import DataError, Problem, nearest
from immunoode.plot.colours import COLOURS

SCALES = {"paper": 0.8, "notebook": 1.0, "slide": 1.6}
"""The size of a figure and of everything in it, relative to a notebook: letters of 8, 10 and 16 points."""
_RESOLUTION = {"paper": 300, "notebook": "figure", "slide": 150}
_LENGTHS = {
    "font.size": 10.0,
    "lines.linewidth": 1.5,
    "lines.markersize": 5.0,
    "lines.markeredgewidth": 1.0,
    "patch.linewidth": 0.8,
    "hatch.linewidth": 0.6,
    "axes.linewidth": 0.8,
    "axes.labelpad": 4.0,
    "axes.titlepad": 6.0,
    "grid.linewidth": 0.6,
    **{
        f"{axis}tick.{name}": length
        for axis in "xy"
        for name, length in (
            ("major.size", 3.5),
            ("minor.size", 2.0),
            ("major.width", 0.8),
            ("minor.width", 0.6),
            ("major.pad", 3.5),
        )
    },
}
"""Settings of matplotlib in points, for a notebook."""
_ARTISTS = ("lines.linewidth", "lines.markersize", "lines.markeredgewidth", "patch.linewidth")
_LOOK: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "legend.fontsize": "small",
    "legend.title_fontsize": "small",
    "legend.frameon": False,
    "figure.titlesize": "medium",
    "axes.formatter.use_mathtext": True,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
}
_AUTOMATIC = ("figure.constrained_layout.use",)
"""Settings that only `style` makes, not each figure."""


class _Current:
    """The style in force: the name that was set, or none."""

    name: str | None = None


class AppliedStyle:
    """A style in force; leaving the `with` block restores the previous settings."""

    def __init__(self, name: str) -> None:
        import matplotlib as mpl

        self.name = name
        self._before = (_Current.name, {key: mpl.rcParams[key] for key in settings(name)})
        mpl.rcParams.update(settings(name))
        _Current.name = name

    def __enter__(self) -> AppliedStyle:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        import matplotlib as mpl

        _Current.name, values = self._before
        mpl.rcParams.update(values)

    def __repr__(self) -> str:
        return f"style {self.name!r}: letters of {10 * SCALES[self.name]:g} points"


def style(name: Literal["paper", "notebook", "slide"] = "notebook") -> AppliedStyle:
    """Set the style of all figures from here on, or within a `with` block.

    Parameters
    ----------
    name : {"paper", "notebook", "slide"}
        Letters of 8, 10 or 16 points, with line widths, markers and the default size of figures in proportion: most figures
        have the width of a page of a journal, of a notebook, or of a slide. Files are saved with 300 dots per inch for a
        paper and 150 for a slide; text in SVG and PDF files stays text that can be searched and edited.

    Returns
    -------
    AppliedStyle
        A context manager; when its block ends, the former settings are restored.

    Raises
    ------
    DataError
        If there is no such style.

    Notes
    -----
    The settings are those of matplotlib (`matplotlib.rcParams`), so your own figures follow them as well; what you set
    afterwards holds. Without a call, figures are drawn as for a notebook, and settings that you have changed yourself hold.

    Examples
    --------
    >>> import immunoode as imo
    >>> with imo.style("slide"):
    ...     axes = imo.load_regimen("pembrolizumab_3_weekly").plot()
    >>> axes.xaxis.label.get_size()
    16.0
    """
    if not isinstance(name, str) or name not in SCALES:
        raise DataError(Problem("style", f"{name!r:.40} is not known", nearest(str(name), SCALES)))
    return AppliedStyle(name)


def settings(name: str) -> dict[str, Any]:
    """Return the settings of matplotlib of a style."""
    from cycler import cycler

    lengths = {key: length * SCALES[name] for key, length in _LENGTHS.items()}
    cycle = cycler(color=COLOURS)
    return {**_LOOK, **lengths, "axes.prop_cycle": cycle, "savefig.dpi": _RESOLUTION[name]}


def scale() -> float:
    """Return the size of figures relative to a notebook."""
    return SCALES[_Current.name or "notebook"]


@contextmanager
def drawing() -> Iterator[float]:
    """Apply the style in force while a figure is drawn, with the lines as for a notebook, and yield the scale.

    Functions draw in the lengths of a notebook; the drawn artists are scaled afterwards.
    """
    import matplotlib as mpl

    changed = {} if _Current.name else _not_set_by_the_user()
    # Not rc_context, which restores all: the backend of a notebook sets `interactive` when it draws its first figure.
    before = {key: mpl.rcParams[key] for key in (*changed, *_ARTISTS)}
    try:
        mpl.rcParams.update(changed)
        factor = scale()
        mpl.rcParams.update({key: mpl.rcParams[key] / factor for key in _ARTISTS})
        yield factor
    finally:
        mpl.rcParams.update(before)


def _not_set_by_the_user() -> dict[str, Any]:
    """Return the settings for a notebook where matplotlib has its own defaults."""
    import matplotlib as mpl

    return {
        key: value
        for key, value in settings("notebook").items()
        if key not in _AUTOMATIC and mpl.rcParams[key] == mpl.rcParamsDefault[key]
    }
