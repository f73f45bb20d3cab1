"""Response rates under independent action.

The rates of two drugs and of their combination, and the rate that independent action predicts, with its interval.
"""

import pandas as pd

import immunoode as imo

rates = pd.DataFrame({"arm": ["drug A", "drug B", "both"], "responders": [20, 30, 55], "n": [100, 100, 100]})
imo.combination.independent_response("drug A", "drug B", "both", data=rates).plot()
