"""The exit statuses of all commands."""

FINE = 0
"""The command succeeded."""
NO = 1
"""It ran, and the answer is no: a model file has problems, a fit did not converge."""
UNUSABLE = 2
"""Something that was given cannot be used; a message says what."""
INTERNAL = 70
"""A fault of the package (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
"""Stopped by Ctrl-C (128 + SIGINT)."""
BROKEN_PIPE = 141
"""Whoever read the output has gone, as in `immunoode models | head` (128 + SIGPIPE)."""
