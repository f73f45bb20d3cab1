"""A page of HTML with the panels of a state, which opens without a server and without a network."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files

from immunoode.explorer.messages import panels_message
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.state import EditedRegimen, ExplorerState
from immunoode.version import version

SCRIPTS = ("draw.js", "sliders.js", "regimens.js", "widget.js")


@cache
def asset(name: str) -> str:
    """Return a file of this package as text."""
    return files("immunoode.explorer").joinpath(name).read_text(encoding="utf-8")


def page_of(explorer: ModelExplorer, state: ExplorerState) -> str:
    """Return the page.

    Raises
    ------
    ImmunoodeError
        If the state has problems.
    """
    title = explorer.setting.model.model.title or explorer.setting.model.name
    code = explorer.code(state)
    data = json.dumps({"panels": panels_message(explorer.panels(state))}).replace("<", "\\u003c")
    return _PAGE.format(
        title=escape(title),
        css=asset("explorer.css"),
        parameters=_parameters(explorer, state),
        regimens="".join(_regimen(edited) for edited in state.regimens),
        until=escape(state.until),
        code=escape(code),
        data=data,
        draw=asset("draw.js"),
        page=asset("page.js"),
        version=escape(version()),
    )


def _parameters(explorer: ModelExplorer, state: ExplorerState) -> str:
    sliders = [(explorer.slider(name), value) for name, value in state.parameters.items()]
    rows = [
        f"<tr><th scope=row>{escape(s.name.replace('_', ' '))}</th><td>{value:g} {escape('' if s.unit == '1' else s.unit)}</td>"
        f"<td>{escape(s.source)}</td></tr>"
        for s, value in sliders
    ]
    return "".join(rows)


def _regimen(edited: EditedRegimen) -> str:
    doses = "; ".join(
        f"{row.therapy.replace('_', ' ')} {row.amount_text}"
        + (f" every {row.every}" if row.every else "")
        + (f", {row.count} doses" if row.count else "")
        for row in edited.rows
    )
    return f"<li><b>{escape(edited.name)}</b>: {escape(doses or 'no treatment')}</li>"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 16px; background: Canvas; }}
.imo-page table {{ margin: 6px 0; }}
.imo-page :is(td, th) {{ padding-right: 14px !important; white-space: normal !important; }}
.imo-page pre {{ overflow-x: auto; background: var(--imo-card); padding: 8px; border-radius: 6px; }}
{css}
</style>
</head>
<body>
<div class="imo-explorer imo-page" id="explorer">
<header><h2>{title}</h2></header>
<p class="imo-status">These are the results for the values below, saved by immunoode {version};
nothing on this page is simulated again.</p>
<div class="imo-legend"></div>
<div class="imo-panels"></div>
<div class="imo-summary"></div>
<h3>Regimens, until {until}</h3>
<ul>{regimens}</ul>
<h3>Parameters of the sliders</h3>
<table>
<thead><tr><th scope="col">parameter</th><th scope="col">value</th><th scope="col">source of the model's value</th></tr></thead>
<tbody>{parameters}</tbody>
</table>
<details><summary>Code that makes these numbers</summary><pre>{code}</pre></details>
</div>
<script type="application/json" id="data">{data}</script>
<script type="module">
{draw}
{page}
</script>
</body>
</html>
"""
