"""`python -m immunoode` is the command line."""

from __future__ import annotations

import sys

from immunoode.command_line.main import main

if __name__ == "__main__":
    sys.exit(main())
