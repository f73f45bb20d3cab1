"""Spider plot.

The change from baseline of each subject over time.
"""

import immunoode as imo

responses = imo.recist(imo.load_example())
imo.plot.spider(responses)
