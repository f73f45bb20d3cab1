"""A stiff problem, target binding in minutes and doses every three weeks: immunoode and other tools, one thread."""

from __future__ import annotations

from peers import collect
from tools.problem import pembrolizumab_binding
from tools.side_by_side import compare
from tools.timing import one_processor

TEXT = """Pembrolizumab from plasma to its target in a tumour that shrinks (Lindauer 2017, ten states,
`benchmarks/models/pembrolizumab_binding.toml`): exchange with the tumour and binding to FcRn take seconds, binding to PD-1
minutes; 200 mg every three weeks, 18 doses, every state reported daily for a year.
Relative tolerance 1e-6, absolute 1e-10, one thread. Explicit methods are left out: stability holds steps below a second."""


def main() -> None:
    """Print the table."""
    one_processor()
    problem = pembrolizumab_binding()
    found = collect(problem, ["ours", "pydiffsol", "roadrunner", "casadi", "scipy"])
    entries = [e for e in found if "tsit45" not in e.name]
    compare("stiff", "Stiff problem: binding in minutes, doses in weeks", TEXT, problem, entries, rounds=12)


if __name__ == "__main__":
    main()
