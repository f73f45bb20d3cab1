"""Exchange with other tools: models from SBML, with the events that become regimens."""
