"""Response rates.

The figure says whether responses are confirmed.
"""

import immunoode as imo

responses = imo.recist(imo.load_example())
imo.plot.response_rates(responses, confirmed=True)
