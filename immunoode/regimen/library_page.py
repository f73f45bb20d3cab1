"""The library of regimens as a page of the documentation, made from the library itself so that it stays true."""

from __future__ import annotations

from immunoode.regimen.library import list_regimens, load_regimen
from immunoode.regimen.radiobiology import biologically_effective_dose, equivalent_dose_2gy
from immunoode.regimen.regimen import Regimen

RADIATION = "radiotherapy"
_EXAMPLE = "chemoradiation_durvalumab"
_HEAD = """# Regimens

`immunoode.load_regimen(name)` loads a regimen of the library; `immunoode.list_regimens()` lists them with their doses. A
regimen is a set of rules, from which a model and a patient make a schedule. `print` shows its calendar, `.plot()` its timeline,
and `.to_frame()` one row per administration. `a + b` combines two regimens, `a.shift("2 weeks")` delays a regimen, and
`a.before("1 year")` ends it after a year.

The column "models" names the models, with their variants, that take the doses of a regimen. Combine them with a base model:
`combine("tumour_immune", load_model("pd1_inhibitor", variant="nivolumab_with_ipilimumab"), "ctla4_inhibitor")`.

```text
{calendar}
```

![{title}](figures/timeline.png)

## Conventions

- Day 0 is a Monday; days of a cycle are counted from 1, as in protocols: `days=(1, 8), every="3 weeks"`.
- `weekdays=True` skips Saturdays and Sundays: a dose on a weekend is moved to Monday, and the later doses with it. With
  intervals shorter than a day, doses on a weekend are left out.
- Amounts: flat (`"200 mg"`), per kg (`"2 mg/kg"`, `"2e6 cells/kg"`), per m2 (`"75 mg/m2"`), or an area under the curve
  (`"AUC 5"` or `"5 mg*min/mL"`: area x (filtration + 25 mL/min), Calvert 1989). The values of the patient are covariates of the
  model: `weight` (kg), `surface_area` (m2), `glomerular_filtration` (mL/min; no cap is applied).
- In regimens with cell therapies, day 0 is the first day of lymphodepletion; the infusion, which is day 0 in protocols, is
  given on day 5, 6 or 7. `.shift("-5 days")` returns to the day numbers of the protocol (`simulate` then needs `start=-5`).
- Treatment that continues until progression is given for about two years, or for one year after chemoradiation;
  `.before(...)` ends it earlier. Neither dose reductions nor dose caps are applied.
- If a source does not state the duration of an infusion, the usual duration is used; "our reading" marks all other
  assumptions.
"""
_RADIATION = """
## Fractionations compared

Biologically effective dose, the sum of d (1 + d / r) over the fractions, and equivalent dose in 2 Gy fractions, for a ratio r
of alpha to beta of 10 Gy (most tumours) and 3 Gy (late-responding tissue). Effects of time (incomplete repair between
fractions, repopulation) are not included. The validity of the linear-quadratic model for large fractions is disputed (Brenner
2008, PMC2750078).
"""


def page() -> str:
    """Return the page, Markdown."""
    frame = list_regimens()
    rows = [
        f"| `{name}` | {row['title']} | {row['indication']} | {row['models']} | {row['source']} |"
        for name, row in frame.iterrows()
    ]
    example = load_regimen(_EXAMPLE)
    library = ["## The library", "", "| name | regimen | indication | models | source |", "|---|---|---|---|---|", *rows]
    fractions = [_fractions(name) for name in frame.index if RADIATION in load_regimen(name).therapies]
    head = "| name | Gy | fractions | effective, r = 10 | in 2 Gy, r = 10 | effective, r = 3 | in 2 Gy, r = 3 |"
    return "\n".join(
        [
            _HEAD.format(calendar=example, title=example.title),
            *library,
            _RADIATION,
            head,
            "|---|---|---|---|---|---|---|",
            *fractions,
            "",
        ]
    )


def _fractions(name: str) -> str:
    """Return a row of the table of fractionations."""
    regimen = load_regimen(name)
    given = Regimen(tuple(d for d in regimen.doses if d.therapy == RADIATION)).to_frame()
    doses = [f(regimen, ratio) for ratio in (10, 3) for f in (biologically_effective_dose, equivalent_dose_2gy)]
    return f"| `{name}` | {given['amount'].sum():g} | {len(given)} | " + " | ".join(f"{d:.1f}" for d in doses) + " |"
