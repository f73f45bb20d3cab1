"""Reserved names of other tools, and replacements for them."""

from __future__ import annotations

import itertools
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reserved:
    """Reserved names of a tool: `words`, and those that match `pattern`; both are in capitals unless `case` matters.

    Names are written in `capitals` and cut to `longest` letters if the tool requires it.
    """

    tool: str
    words: frozenset[str]
    pattern: str = r"(?!)"
    case: bool = True
    capitals: bool = False
    longest: int | None = None

    def reserves(self, name: str) -> bool:
        """Whether the tool reserves a name.

        Examples
        --------
        >>> NONMEM.reserves("s1"), NONMEM.reserves("s"), RXODE2.reserves("rate"), PYTHON.reserves("rate")
        (True, False, True, False)
        """
        same = name if self.case else name.upper()
        return same in self.words or re.fullmatch(self.pattern, same) is not None

    def names(self, wanted: Iterable[str]) -> dict[str, str]:
        """Return a distinct name in the tool for each name: the same if possible, otherwise a similar one.

        Examples
        --------
        >>> RXODE2.names(["growth", "rate", "rate_"])
        {'growth': 'growth', 'rate': 'own_rate', 'rate_': 'rate_'}
        """
        every, found, taken = list(wanted), dict[str, str](), set[str]()
        for name in every:
            plain = self._written(name)
            if plain not in taken and not self.reserves(plain):
                found[name] = plain
                taken.add(plain)
        for name in every:
            if name not in found:
                free = (w for w in self._similar(name) if w not in taken and not self.reserves(w))
                found[name] = next(free)
                taken.add(found[name])
        return {name: found[name] for name in every}

    def _similar(self, name: str) -> Iterator[str]:
        """Yield similar names, the most similar first; no tool reserves all names that begin with `own_`."""
        yield self._written(name, "_")
        yield self._written(f"own_{name}")
        yield from (self._written(f"own_{name}", f"_{k}") for k in itertools.count(2))

    def _written(self, name: str, end: str = "") -> str:
        whole = name.upper() if self.capitals else name
        return (whole if self.longest is None else whole[: self.longest - len(end)]) + end

    def comments(self, found: Mapping[str, str]) -> list[str]:
        """Return a comment per name that was changed because the tool reserves it."""
        return [
            f"{name} is called {ours} here, because {self.tool} reserves {self._written(name)}"
            for name, ours in found.items()
            if self.reserves(self._written(name))
        ]


_DATA_ITEMS = "ID L1 L2 DV MDV TIME DATE DAT1 DAT2 DAT3 EVID AMT RATE SS II ADDL CMT PCMT CALL CONT DROP SKIP"
_FUNCTIONS = "EXP LOG LOG10 SQRT SIN COS TAN ASIN ACOS ATAN TANH ABS INT MIN MAX MOD PHI GAMLN DEXP DLOG DSQRT PROTECT"
NONMEM = Reserved(
    "NONMEM",
    frozenset(
        f"{_DATA_ITEMS} {_FUNCTIONS} T A Y F F0 FO S0 SO SC XSC XSO XF0 THETA ETA EPS ERR OMEGA SIGMA DADT A_0 A_0FLG "
        "P G H HH DES PK PRED ERROR AES INFN MIX IF THEN ELSE ELSEIF ENDIF DO WHILE ENDDO RETURN EXIT OPEN CLOSE READ "
        "WRITE PRINT FORMAT REWIND INCLUDE STOP CONTINUE GOTO END EQ NE LT LE GT GE AND OR NOT TRUE FALSE DATA USE "
        "ONLY ICALL NEWIND NEWL2 IREP NREP NPROB IPROB S1IT S2IT S1NIT S2NIT NTHES NETAS NEPSS NINDR INDR1 INDR2 "
        "LIREC NDREC NIREC COMACT COMSAV COM COMRES DOSTIM DOSREC MTIME MNEXT MPAST MTDIFF MIXNUM MIXEST MIXP MIXPT "
        "NSPOP TSCALE TSTATE TEMPLT TNPRI ISFINL IPASS DONE NOETAS NONMEM PREDPP COMPACT CORRL2 F_FLAG L2REC ETAS "
        "MDVRES ETASXI NPDE_MODE DV_LOQ CDF_L RES WRES PRES CPRED CRES CWRES NPRED NRES NWRES EPRED ERES EWRES ECWRES "
        "NPD NPDE OBJI ISSMOD SIMEPS SIMETA BIO SLO DUR LAG".split()
    ),
    r"(S|F|R|D|ALAG|XS|XF|XR|XD|XALAG|MTIME|MNEXT|MPAST|ETA|THETA|EPS|ERR|A|P|PC|DC|DADT|OMEGA|SIGMA|COM)\d+",
    case=False,
    capitals=True,
    longest=20,
)
"""Data items, additional PK parameters (S1, F1, R1, D1, ALAG1 and the like), variables and functions of NM-TRAN."""

RXODE2 = Reserved(
    "rxode2",
    frozenset(
        f"{_DATA_ITEMS} T TIME CMT DVID DUR LAG ALAG F PODO TLAST TLAST0 TFIRST TFIRST0 TAD TAD0 TAFD TAFD0 DOSENUM "
        "NEWIND RXFLAG D DT DF DY JAC MTIME LINCMT MATEXP INDLIN PARAM STATE LHS LEVELS LOCF NOCB LINEAR INTERP MIX "
        "NSIM SIM IF ELSE WHILE FOR BREAK NEXT REPEAT FUNCTION RETURN IN IFELSE PRINT PRINTF LINE PI M_PI M_E NA NAN "
        f"INF NULL TRUE FALSE {_FUNCTIONS} LN LOG1P LOG2 EXPM1 LOGIT EXPIT PROBIT PROBITINV CEIL CEILING FLOOR ROUND "
        "TRUNC FACTORIAL GAMMA LGAMMA DIGAMMA BETA LBETA SIGN SUM PROD POW SINH COSH ASINH ACOSH ATANH TRANSIT RXNORM "
        "RXUNIF RXPOIS RXEXP ADD PROP CENTRAL.DEPOT KA.DEPOT INI MODEL EVENTS WT_ OMEGA SIGMA THETA ETA EPS DADT".split()
    ),
    r"(S|F|R|D|ALAG|ETA|THETA|EPS|MTIME)\d+|RX.*|CHOSEN_\d+",
    case=False,
)
"""Columns of event tables, keywords and functions of rxode2 and R, and names that translators of NONMEM records use."""

_OURS = "p t y math time min max abs initial rates PARAMETERS STATES"
PYTHON = Reserved("this module", frozenset({*keyword.kwlist, *keyword.softkwlist, *_OURS.split()}))
"""Keywords of Python, and names that the exported functions use."""

ANTIMONY = Reserved(
    "Antimony",
    frozenset(
        "abs acos and arccos arcsin arctan asin at atan avogadro bernoulli binomial cauchy ceil chisquare compartment "
        "const cos delay end exp exponential ext factorial floor formula function gamma gene has identity import in "
        "infinity is laplace ln log log10 lognormal max min model module nan normal not notanumber operator or pi "
        "piecewise plus poisson power quotient rate rateOf rayleigh reaction rem root sin species sqr sqrt "
        "substanceOnly tan tanh time times truncatedNormal uniform unit var xor DNA exponentiale false true since "
        "after event".split()
    ),
)
"""Keywords and functions of Antimony."""
