"""Completion of names in strings of calls, for IPython and Jupyter: `imo.load_model("` and Tab.

`import immunoode` adds it to an IPython shell that runs already. A shell that starts later takes it as an extension:
`%load_ext immunoode.completion`.
"""

from __future__ import annotations

from immunoode.completion.shell import load_ipython_extension

__all__ = ["load_ipython_extension"]
