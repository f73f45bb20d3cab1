"""The command line: `immunoode` or `python -m immunoode`. Each command is a file here, a thin layer over the public verbs.

Nothing heavy is imported before a command runs, so that `immunoode --help` answers at once.
"""
