"""Clinical response: RECIST 1.1 and iRECIST, from lesions, from sums, or from reported responses."""
