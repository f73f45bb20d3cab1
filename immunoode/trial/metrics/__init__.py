"""Metrics of tumour growth inhibition: of the measurements themselves, and of laws fitted to them."""
