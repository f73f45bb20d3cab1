"""The documentation site: `make docs` builds it into build/docs/html, without a network."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import immunoode

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
from notebook_cache import notebook_cache  # noqa: E402 it stands in the folder above

project = "immunoode"
author = "immunoode developers"
version = release = immunoode.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "api_pages",
    "gallery",
    "index_pages",
    "model_references",
    "model_table",
    "name_role",
    "notebook_pages",
]
root_doc = "index"
exclude_patterns = ["README.md", "fits/introduction.md", "models/papers"]
nitpicky = False
index_pages = ["how_to", "explanation", "about", "tutorials", "models/README", "cohorts/README", "decisions/README"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

# Notebooks run once for each state of the package; the cache outlives a build.
nb_execution_mode = "cache"
nb_execution_cache_path = notebook_cache()
nb_execution_raise_on_error = True
nb_execution_timeout = 3000
nb_merge_streams = True
# A bar of progress, shown where a run is slow, is text: a widget would be loaded from the network.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

autosummary_generate = False  # api_pages writes the pages
autodoc_typehints = "none"  # the docstrings state types, with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
default_role = "name"  # a public name in a docstring leads to its page; all else is code

# MathJax comes from a package, so that equations need no network.
MATHJAX = Path(*find_spec("sphinx-mathjax-offline").submodule_search_locations) / "static"
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"chtml": {"scale": 0.95}}

html_title = "immunoode"
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static", str(MATHJAX)]
html_css_files = ["site.css"]
html_sidebars = {"index": [], "which_model": []}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["version-switcher", "theme-switcher"],
    "navbar_persistent": ["search-button"],
    "switcher": {"json_url": "_static/switcher.json", "version_match": version},
    "check_switcher": False,
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
