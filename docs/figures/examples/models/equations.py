"""Equations of a model."""

import immunoode as imo

html = imo.combine("tumour_immune", "radiotherapy")._repr_html_()
