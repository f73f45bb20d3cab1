"""Whether values need a logarithmic axis, and plain numbers on short ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def wide_range(values: ArrayLike) -> bool:
    """Return whether positive values span so much that only a logarithmic axis shows them."""
    given = np.asarray(values, dtype=float)
    positive = given[np.isfinite(given) & (given > 0)]
    return bool(positive.size) and bool(np.percentile(positive, 99) > 1e3 * np.percentile(positive, 1))


def wide_distribution(values: ArrayLike) -> bool:
    """Return whether positive values span so much that a histogram of them has a logarithmic axis."""
    given = np.asarray(values, dtype=float)
    return bool((given > 0).all()) and bool(np.quantile(given, 0.99) > 30 * np.quantile(given, 0.01))


def logarithmic_by_default(values: ArrayLike, unit: str) -> bool:
    """Return whether an axis is logarithmic by default: values span a wide range and are no fraction such as an occupancy."""
    given = np.asarray(values, dtype=float)
    largest = float(np.max(given[np.isfinite(given)], initial=0.0))
    return not (unit in ("1", "") and 0.1 < largest <= 1 + 1e-9) and wide_range(given)


def plain_ticks(axis: Any, most: int = 7) -> None:
    """Label a logarithmic axis with plain round numbers: 0.5, 1, 2."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    if not 0 < low < high < np.inf:
        return
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in (_ROUND, (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        ticks = [step * 10.0**k for k in decades for step in steps if low <= step * 10.0**k <= high]
        if len(ticks) <= most:
            break
    else:
        ticks = ticks[:: -(-len(ticks) // most)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([_plain(tick) for tick in ticks])


def _plain(value: float) -> str:
    """Return a number without an exponent where it is short: 0.02, 300, 10⁵."""
    power = round(np.log10(value), 9)
    if 1e-3 <= value < 1e5 or power % 1:
        return f"{value:g}"
    return f"$10^{{{int(power)}}}$"


def logarithmic_floor(box: Any, values: Any) -> None:
    """Keep a logarithmic axis, margin included, within twelve decades or so: below, a curve is as good as zero."""
    positive = np.concatenate([np.ravel(v) for v in values])
    positive = positive[np.isfinite(positive) & (positive > 0)]
    if positive.size:
        low, high = max(positive.min() * 0.8, positive.max() * 1e-12), positive.max()
        box.set_ylim(low, high * (high / low) ** 0.05)
