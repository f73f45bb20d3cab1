"""How sure a finished fit is: covariance, profiles, bootstrap, posterior draws, and the bands of curves that follow."""
