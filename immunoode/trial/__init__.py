"""Trial data: one validated long table, and readers, fetchers and an example that make it."""
