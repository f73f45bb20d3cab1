"""Published trials as times to events, and their curves as a figure shows them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.published_data import data_file


def published_trials() -> list[pd.DataFrame]:
    """Return the trials of kmdata: subject, arm, time, event."""
    rows = pd.read_csv(data_file("published_survival/kmdata_ipd_all.csv.gz"))
    rows = rows.assign(subject=[f"s{k}" for k in rows.index])
    return [own.drop(columns="dataset") for _, own in rows.groupby("dataset", sort=False)]


def digitised(own: pd.DataFrame, span: float, *, pixels: int = 200, numbers: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the corners of the curve of one arm, rounded to pixels of both axes, and numbers at risk at equal distances."""
    days = np.unique(own["time"])
    at_risk = np.array([(own["time"] >= t).sum() for t in days])
    deaths = np.array([(own["event"].astype(bool) & (own["time"] == t)).sum() for t in days])
    level = np.append(1.0, np.cumprod(1 - deaths / at_risk))
    corners = np.column_stack([np.repeat(np.append(0.0, days), 2)[1:], np.repeat(level, 2)[:-1]])
    shown = np.round(corners / [span / pixels, 1 / pixels]) * [span / pixels, 1 / pixels]
    times = np.linspace(0, span, numbers + 1)[:numbers]
    counts = pd.DataFrame({"time": times, "at_risk": [(own["time"] >= t).sum() for t in times]})
    return pd.DataFrame(shown, columns=["time", "survival"]), counts
