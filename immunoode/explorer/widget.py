"""The widget: an anywidget around a `ModelExplorer`, with as little in it as possible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from immunoode.atomic import write_whole
from immunoode.errors import FileError, Problem
from immunoode.explorer.exchange import answer, file_content
from immunoode.explorer.figure import explorer_panels
from immunoode.explorer.messages import opening_message
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.page import SCRIPTS, asset
from immunoode.explorer.panels import ExplorerPanels
from immunoode.explorer.state import ExplorerState
from immunoode.regimen.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd


class ExplorerWidget(anywidget.AnyWidget):
    """The widget that `immunoode.explore` returns.

    Attributes
    ----------
    explorer : ModelExplorer
        The explorer that computes the panels.
    state : ExplorerState
        The present choices.
    """

    _esm = "\n".join(asset(name) for name in SCRIPTS)
    _css = asset("explorer.css")
    opening = traitlets.Dict().tag(sync=True)

    def __init__(self, explorer: ModelExplorer) -> None:
        self.explorer, self.state = explorer, explorer.state
        super().__init__(opening=opening_message(explorer, explorer.state))
        self.on_msg(self._received)

    def _received(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        reply = answer(self.explorer, content)
        if reply["kind"] == "panels":
            self.state = ExplorerState.from_json(content["state"])
        self.send(reply)

    @property
    def parameters(self) -> dict[str, float]:
        """The values of the sliders."""
        return dict(self.state.parameters)

    @property
    def regimens(self) -> dict[str, Regimen | None]:
        """The regimens of the rows, by name."""
        return self.explorer.regimens(self.state)

    def panels(self) -> ExplorerPanels:
        """Return the contents of the panels, as arrays."""
        return self.explorer.panels(self.state)

    def to_frame(self) -> pd.DataFrame:
        """Return the lines of all panels in one table: panel, regimen, day, value, unit."""
        return self.panels().to_frame()

    def code(self) -> str:
        """Return a script that makes the numbers of the panels again, to the last bit."""
        return self.explorer.code(self.state)

    def plot(self, **options: Any) -> Any:
        """Draw the panels; see `immunoode.explorer.figure.explorer_panels`. Returns an array of Axes."""
        return explorer_panels(self.panels(), **options)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the panels as a figure (.svg, .png, .pdf), or as a page (.html) that opens without a server.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Whether to replace a file that exists.

        Raises
        ------
        FileError
            If the ending of the path is another one, or the file exists.
        """
        place = Path(path)
        kinds = {".html": "page", ".svg": "svg", ".png": "png", ".pdf": "pdf"}
        if place.suffix.lower() not in kinds:
            raise FileError(Problem(str(place), "has an ending that is not known", f"one of {', '.join(kinds)}"))
        content = file_content(self.explorer, self.state, kinds[place.suffix.lower()])
        return write_whole(place, content, overwrite=overwrite)

    def __repr__(self) -> str:
        names = ", ".join(edited.name for edited in self.state.regimens)
        return f"<Explorer of {self.explorer.setting.model.name}: {len(self.state.parameters)} sliders; regimens {names}>"
