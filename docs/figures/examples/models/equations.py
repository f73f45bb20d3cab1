"""Equations of a model.

The derivative $dx/dt$ of each state, as a notebook shows it.
"""

import immunoode as imo

html = imo.combine("tumour_immune", "radiotherapy")._repr_html_()
