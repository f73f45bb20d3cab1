"""Fitting models to trial data: least squares through lmfit, with error models that are likelihoods."""
