"""Reading tables of data: one place that decides what a heading, a number, a unit, a date, a visit and an identifier mean."""
