"""Reading a model's behaviour: steady states and their stability, nullclines, what its outputs are sensitive to."""
