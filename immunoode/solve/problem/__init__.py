"""The problem to be solved: a model, its doses and its triggers as numbers and native functions, once per structure."""
