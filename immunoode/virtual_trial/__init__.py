"""Virtual trials: what visits, measurement and follow-up make of simulated patients."""
