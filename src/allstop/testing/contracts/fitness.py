"""What every adapter's words and facts must be like, and that it leaves no process behind."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import psutil
import rfc8785
from pydantic import BaseModel

MARK = "ALLSTOP_CONTRACT"
"""Environment variable by which a case lets its programs be recognised, orphans included."""


def check_sentence(text: str) -> None:
    """A text for the log: one line, bounded, no control characters, no lone surrogates."""
    assert len(text) <= 500, f"{len(text)} characters are too many"
    assert text.isprintable() or not text, f"not fit for a log: {text!r}"
    text.encode("utf-8")


def check_facts(facts: dict[str, Any]) -> None:
    """Scalars that canonical JSON can hold: text, whole numbers, booleans; no floats."""
    for name, value in facts.items():
        check_sentence(name)
        assert value is None or isinstance(value, str | int | bool), f"{name} is {value!r}"
    rfc8785.dumps(facts)


def check_model(model: type[BaseModel]) -> None:
    """Options refuse unknown keys, do not guess types, and every field is explained."""
    assert model.model_config.get("extra") == "forbid", f"{model.__name__} takes unknown keys"
    assert model.model_config.get("strict") is True, f"{model.__name__} guesses types"
    for name, field in model.model_fields.items():
        assert field.title, f"{model.__name__}.{name} has no title"
        assert field.description, f"{model.__name__}.{name} has no description"
    model.model_json_schema()


def descendants(mark: str = "") -> set[int]:
    """Living processes that descend from this one, or carry the mark."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    if mark:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == mark:
                    found.add(process.pid)
    return found


# A net against hanging, not a measurement: a busy machine may hold anybody up for a while.
STALL_MS = 5_000


class Watch:
    """Measures one call: how long it took, and that no process is left of it."""

    def __init__(self, mark: str = "") -> None:
        self._mark = mark
        self._before = descendants(mark)
        self._began = time.monotonic()  # noqa: TID251 - real time is what is measured

    def check(self, timeout_ms: int) -> None:
        """The call is over now: it was in time, and cleaned up behind itself."""
        took_ms = (time.monotonic() - self._began) * 1000  # noqa: TID251
        assert took_ms <= timeout_ms + STALL_MS, f"took {took_ms:.0f} ms of {timeout_ms} ms"
        left = descendants(self._mark) - self._before
        assert not left, f"left processes behind: {sorted(left)}"
