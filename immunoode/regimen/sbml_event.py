"""Events of SBML models: assignments whenever a condition of states and time becomes true."""

from __future__ import annotations

from dataclasses import dataclass

from immunoode.errors import Problem, RegimenError
from immunoode.model.expressions import ExpressionError, parse


@dataclass(frozen=True)
class Assignment:
    """The assignment of an event: a compartment of the model is set to an expression, times an optional size.

    Attributes
    ----------
    target : str
        A compartment (a state) of the model.
    value : str
        An expression.
    size : str
        The name of a factor of `value`, evaluated just before the event is executed: the volume, if an amount is set through
        its concentration. "" for none.
    """

    target: str
    value: str
    size: str = ""


@dataclass(frozen=True)
class Event:
    """One event, as SBML defines them.

    Attributes
    ----------
    name : str
    trigger : str
        An expression that is 1 while the condition holds, otherwise 0. The event fires each time that it becomes 1.
    assignments : tuple of Assignment
        Executed together.
    delay : str
        An expression of the days from firing to execution; "" for none.
    priority : str
        Of simultaneous events, the one with the largest priority is executed first; those without ("") come last, in the order
        given.
    starts : bool
        Whether the condition counts as true before the start; if not, the event fires at the start if its condition holds.
    persistent : bool
        Whether the event is executed even if the condition ceases to hold during the delay.
    at_firing : bool
        Whether the values are evaluated when the event fires; otherwise when it is executed.
    """

    name: str
    trigger: str
    assignments: tuple[Assignment, ...]
    delay: str = ""
    priority: str = ""
    starts: bool = True
    persistent: bool = True
    at_firing: bool = True

    def __post_init__(self) -> None:
        problems = []
        texts = {"trigger": self.trigger, "delay": self.delay, "priority": self.priority}
        texts |= {f"value of {a.target}": a.value for a in self.assignments}
        for what, text in texts.items():
            try:
                parse(text or "0")
            except ExpressionError as error:
                problems.append(Problem(f"event {self.name!r}: {what}", str(error), "an expression"))
        RegimenError.raise_if(problems)


@dataclass(frozen=True)
class Events:
    """Events that `simulate` takes instead of a regimen, with the semantics of SBML.

    Simultaneous events are executed by priority, and conditions are checked again after each.

    Attributes
    ----------
    events : tuple of Event
    title : str

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.io.read_sbml(imo.io.write_sbml(imo.load_model("kuznetsov1994")))
    >>> debulking = imo.regimen.Assignment("tumour", "tumour / 100")
    >>> resection = imo.regimen.Event("resection", "piecewise(1, tumour > 1e8, 0)", (debulking,))
    >>> run = imo.simulate(model, imo.regimen.Events((resection,)), until="400 days", outputs=["tumour"])
    >>> bool(run["tumour"].max() <= 1e8 * (1 + 1e-9))
    True
    """

    events: tuple[Event, ...]
    title: str = ""

    def __post_init__(self) -> None:
        wrong = [e for e in self.events if not isinstance(e, Event)]
        if wrong:
            raise RegimenError(Problem("events", f"contain a {type(wrong[0]).__name__}", "a tuple of Event"))

    def __add__(self, other: object) -> Events:
        """Return the events of both.

        Raises
        ------
        RegimenError
            If the other is a regimen, which cannot be combined with events.
        """
        if not isinstance(other, Events):
            right = "only events: write the doses as events, or use read_sbml_events if it returns a regimen"
            raise RegimenError(Problem("events", f"cannot be combined with a {type(other).__name__}", right))
        return Events((*self.events, *other.events), " and ".join(filter(None, (self.title, other.title))))

    __radd__ = __add__

    def __len__(self) -> int:
        return len(self.events)

    def __bool__(self) -> bool:
        return bool(self.events)

    def __str__(self) -> str:
        names = ", ".join(e.name for e in self.events)
        return f"{len(self.events)} events: {names}"
