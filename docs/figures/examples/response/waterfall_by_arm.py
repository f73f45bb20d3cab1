"""Waterfall by arm."""

import immunoode as imo

responses = imo.recist(imo.load_example())
imo.plot.waterfall(responses, colour="arm")
