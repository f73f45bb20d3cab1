"""What an explorer answers to a message of the browser; errors are answers too."""

from __future__ import annotations

import io
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from immunoode.errors import ImmunoodeError
from immunoode.explorer.figure import explorer_panels
from immunoode.explorer.messages import panels_message
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.page import page_of
from immunoode.explorer.state import ExplorerState

_TYPES = {"svg": "image/svg+xml", "png": "image/png", "page": "text/html"}
_NAMES = {"svg": "explorer.svg", "png": "explorer.png", "page": "explorer.html"}


def answer(explorer: ModelExplorer, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a message.

    Parameters
    ----------
    explorer : ModelExplorer
    message : mapping
        `kind` ("panels", "code", "svg", "png" or "page"), `id` and `state`.

    Returns
    -------
    dict
        Of kind "panels", "code", "file", or "problem" with a text.

    Examples
    --------
    >>> explorer = ModelExplorer("claret2009", until="24 weeks", patients=None)
    >>> answer(explorer, {"kind": "code", "id": 1, "state": explorer.state.to_json()})["text"].splitlines()[2]
    "model = imo.load_model('claret2009')"
    >>> answer(explorer, {"kind": "picture", "id": 2, "state": explorer.state.to_json()})["kind"]
    'problem'
    """
    kind, number = str(message.get("kind")), message.get("id", 0)
    try:
        state = ExplorerState.from_json(message.get("state") or {})
        return {"id": number, **_answered(explorer, kind, state)}
    except ImmunoodeError as error:
        return {"id": number, "kind": "problem", "text": str(error)}
    except Exception as error:  # a widget must answer, whatever it is asked
        text = f"{type(error).__name__} in the explorer: {error}"
        return {"id": number, "kind": "problem", "text": text}


def _answered(explorer: ModelExplorer, kind: str, state: ExplorerState) -> dict[str, Any]:
    if kind == "panels":
        begin = time.perf_counter()
        found = panels_message(explorer.panels(state))
        return {"kind": "panels", **found, "milliseconds": 1e3 * (time.perf_counter() - begin)}
    if kind == "code":
        return {"kind": "code", "text": explorer.code(state)}
    if kind in _TYPES:
        data = b64encode(file_content(explorer, state, kind)).decode()
        return {"kind": "file", "name": _NAMES[kind], "type": _TYPES[kind], "data": data}
    return {"kind": "problem", "text": f"message {kind!r}: is not known; one of panels, code, {', '.join(_TYPES)}"}


def file_content(explorer: ModelExplorer, state: ExplorerState, kind: str) -> bytes:
    """Return the content of a file: "svg", "png", or "page" for a page of HTML."""
    if kind == "page":
        return page_of(explorer, state).encode()
    return figure_content(explorer, state, kind)


def figure_content(explorer: ModelExplorer, state: ExplorerState, kind: str) -> bytes:
    """Return the figure of a state in a format of Matplotlib."""
    import matplotlib.pyplot as plt

    figure = explorer_panels(explorer.panels(state), title=explorer.setting.model.model.title).flat[0].figure
    made = io.BytesIO()
    figure.savefig(made, format=kind, dpi=200)
    plt.close(figure)
    return made.getvalue()
