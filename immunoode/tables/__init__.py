"""Reading tables of data: headings, numbers, units, dates, visits and identifiers, interpreted in one place."""
