"""Python code that reproduces a model, if the names of its parts are sufficient."""

from __future__ import annotations

from immunoode.model.closed_model import resolve
from immunoode.model.combine import combine
from immunoode.model.components import Member
from immunoode.model.library import load_model
from immunoode.model.model import Model


def model_code(given: Model | str, whole: Model) -> str:
    """Return an expression that makes a model again; "" where the shipped models with these names differ from it.

    Parameters
    ----------
    given : Model or str
        As it was given.
    whole : Model
        Its closed form.

    Examples
    --------
    >>> from immunoode.model.combine import combine
    >>> model = combine("tumour_immune", load_model("pd1_inhibitor", variant="pembrolizumab"))
    >>> model_code(model, model)
    "imo.combine('tumour_immune', imo.load_model('pd1_inhibitor', variant='pembrolizumab'))"
    """
    if isinstance(given, str):
        return f"imo.load_model({given!r})"
    calls = [_call(name, member) for name, member in whole.members.items()]
    if any(call is None for call in calls):
        return ""
    texts, models = zip(*(call for call in calls if call is not None), strict=True)
    if len(models) == 1:
        single = texts[0] if texts[0].startswith("imo.") else f"imo.load_model({texts[0]})"
        return single if resolve(models[0]).model == whole else ""
    return f"imo.combine({', '.join(texts)})" if combine(*models) == whole else ""


def _call(name: str, member: Member) -> tuple[str, Model] | None:
    """Return the text that names a member and the model of that name; None if there is none."""
    arguments = {"variant": member.variant} if member.variant else {}
    try:
        model = load_model(member.file, **arguments)
        if (model.instance or model.name) != name:
            arguments["instance"] = name
            model = load_model(member.file, **arguments)
    except ValueError:
        return None
    words = "".join(f", {key}={value!r}" for key, value in arguments.items())
    return (f"imo.load_model({member.file!r}{words})" if arguments else repr(member.file)), model
