"""Response by RECIST 1.1 and iRECIST: from lesions or sums to responses at visits, best responses, dates and rates."""
