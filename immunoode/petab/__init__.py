"""PEtab problems: a model from SBML, conditions, observables with noise, measurements and parameters, as one objective."""
