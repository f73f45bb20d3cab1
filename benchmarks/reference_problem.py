"""Ten states, one year, 29 doses, daily output, tolerances 1e-6 and 1e-8: immunoode and other tools, one thread."""

from __future__ import annotations

from peers import collect
from tools.problem import reference_problem
from tools.side_by_side import compare
from tools.timing import one_processor

TEXT = """The model `benchmarks/models/reference_problem.toml`: tumour, effectors, an antibody, chemotherapy, dying cells,
antigen, CAR-T cells and IL-2; mildly stiff. Seventeen antibody doses, six of chemotherapy, five fractions of radiation, one
CAR-T infusion; every state is reported daily for a year. Relative tolerance 1e-6, absolute 1e-8, one thread. Tools without
events (pydiffsol, CasADi, SciPy) are called once for each of the 23 spans between doses, diffrax solves the spans in one scan;
their steps start anew at each dose, as they do for their users. The C version is the same method for this one model alone, with
rates inlined and constants computed once per patient: what remains to be gained."""


def main() -> None:
    """Print the table."""
    one_processor()
    problem = reference_problem()
    entries = collect(problem, ["ours", "c", "pydiffsol", "diffrax", "roadrunner", "casadi", "scipy"])
    compare("reference_problem", "Reference problem", TEXT, problem, entries, rounds=12)


if __name__ == "__main__":
    main()
