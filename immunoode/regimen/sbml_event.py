"""Events of a model's own: what happens whenever a condition of its states and of time becomes true."""

from __future__ import annotations

from dataclasses import dataclass

from immunoode.errors import Problem, RegimenError
from immunoode.model.expressions import ExpressionError, parse


@dataclass(frozen=True)
class Assignment:
    """What an event sets: a compartment of the model to an expression, times a size where there is one.

    Attributes
    ----------
    target : str
        A compartment (a state) of the model.
    value : str
        An expression.
    size : str
        The name of what `value` is multiplied by, as it is just before the event is carried out: the size of a space, where an
        amount in it is set through its concentration. "" for none.
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
        An expression that is 1 where the condition holds, else 0. The event fires each time that it becomes 1.
    assignments : tuple of Assignment
        Carried out together.
    delay : str
        Days from firing to being carried out, an expression; "" for none.
    priority : str
        Of several events at one time the one with the largest comes first; "" for none, which come last, in the order given.
    starts : bool
        Whether the condition counts as true before the start: if not, an event whose condition holds there fires there.
    persistent : bool
        Whether it is carried out even where the condition ceases to hold meanwhile.
    at_firing : bool
        Whether values are those of the time at which it fires, else of the time at which it is carried out.
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
        if problems:
            raise RegimenError(problems)


@dataclass(frozen=True)
class Events:
    """Events that `simulate` carries out in the place of a regimen, exactly as SBML defines them.

    Where several happen at one time, each is carried out with its priority, and conditions are looked at anew after each.

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
            raise RegimenError(Problem("events", f"hold a {type(wrong[0]).__name__}", "a tuple of Event"))

    def __add__(self, other: object) -> Events:
        """Return both together.

        Raises
        ------
        RegimenError
            If the other is a regimen: doses at times are not joined with events.
        """
        if not isinstance(other, Events):
            right = "events alone: doses written as events, or read_sbml_events where it gives a regimen"
            raise RegimenError(Problem("events", f"cannot be joined with a {type(other).__name__}", right))
        return Events((*self.events, *other.events), " and ".join(filter(None, (self.title, other.title))))

    __radd__ = __add__

    def __len__(self) -> int:
        return len(self.events)

    def __bool__(self) -> bool:
        return bool(self.events)

    def __str__(self) -> str:
        names = ", ".join(e.name for e in self.events)
        return f"{len(self.events)} events: {names}"
