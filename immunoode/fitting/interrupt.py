"""Ctrl-C sets a flag that a fit checks between its evaluations, so that it never interrupts a library."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

IMPATIENT = 3
"""Number of times that Ctrl-C must be pressed before KeyboardInterrupt is raised after all."""
_asked: Event | None = None


@contextmanager
def interruptible() -> Iterator[Event]:
    """Return a context with an event that Ctrl-C sets; nested contexts share the event of the outermost one.

    If a program handles the signal itself, or in a thread, the behaviour of Ctrl-C does not change.
    """
    global _asked
    if _asked is not None:
        yield _asked
        return
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield Event()
        return
    stop, pressed = Event(), []

    def note(number: int, frame: Any) -> None:
        stop.set()
        pressed.append(number)
        if len(pressed) >= IMPATIENT:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    _asked = stop
    try:
        yield stop
    finally:
        _asked = None
        signal.signal(signal.SIGINT, before)
