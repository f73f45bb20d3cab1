"""Swimmer plot.

How long each subject was followed, when it responded, and how that ended.
"""

import immunoode as imo

responses = imo.recist(imo.load_example())
imo.plot.swimmer(responses)
