"""The command line: `python -m immunoode demo [--data FILE]` and `python -m immunoode warm`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status (2: the input cannot be used)."""
    given = _parser().parse_args(arguments)
    from immunoode.errors import ImmunoodeError

    try:
        return int(given.run(given))
    except (ImmunoodeError, OSError) as error:
        print(f"immunoode: {error}", file=sys.stderr)
        return 2


def _warm(given: argparse.Namespace) -> int:
    from immunoode.solve.warm import warm

    print(warm())
    return 0


def _demo(given: argparse.Namespace) -> int:
    import matplotlib

    matplotlib.use("Agg")
    from immunoode.demo import run

    result = run(given.data, given.out, dict(given.arm), progress=not given.quiet)
    print(f"Arms: {result.arms}\n")
    for what in result.uncertain:
        print(f"NOT DETERMINED by the data: {what}")
    if result.uncertain:
        print("The scenarios below rest on these values: take them as examples, not as predictions. See the report.\n")
    print(result.comparison)
    print("\n".join(["", "Look at", *(f"  {path}" for path in result.files)]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m immunoode", description="ODE models of cancer immunotherapy.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="fit a model to trial data and draw combination scenarios")
    demo.add_argument(
        "--data", metavar="FILE", help="table of subject, arm, day, sum_of_diameters (mm); default: a simulated trial"
    )
    demo.add_argument(
        "--out", metavar="FOLDER", default="build/demo", help="where figures and report go (default: %(default)s)"
    )
    demo.add_argument(
        "--arm",
        metavar="ARM=DRUGS",
        action="append",
        default=[],
        type=_arm,
        help="treatment of an arm whose name does not say it: 'B=docetaxel + RT', 'C=untreated'",
    )
    demo.add_argument("--quiet", action="store_true", help="no progress bar")
    demo.set_defaults(run=_demo)
    warm = commands.add_parser(
        "warm",
        help="compile the solver now, for images and classrooms",
        description="Compile all kernels of the solver that are not in the cache, and say where that lies; later simulations, "
        "of any model, load them. To be run by whoever installs the package. NUMBA_CACHE_DIR names another folder.",
    )
    warm.set_defaults(run=_warm)
    return parser


def _arm(text: str) -> tuple[str, str]:
    arm, sign, drugs = text.partition("=")
    if not sign or not arm:
        raise argparse.ArgumentTypeError(f"{text!r} is not ARM=DRUGS, for example 'B=docetaxel + pembrolizumab'")
    return arm, drugs


if __name__ == "__main__":
    sys.exit(main())
