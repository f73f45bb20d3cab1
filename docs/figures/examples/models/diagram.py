"""Diagram of a model."""

import immunoode as imo
from immunoode.model.diagram import diagram

model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"), "radiotherapy")
svg = diagram(model)
