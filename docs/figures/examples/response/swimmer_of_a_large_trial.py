"""Swimmer plot of a large trial."""

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
imo.plot.swimmer(imo.recist(lesions))
