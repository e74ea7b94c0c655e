"""Files that a command writes for people: never over what is there, unless they say so."""

from __future__ import annotations

from pathlib import Path

from allstop.errors import AllstopError, Refused


def write_new(target: Path, text: str, *, force: bool) -> None:
    """Write a file that is not there yet. Raises Refused when it is, unless forced."""
    if target.exists() and not force:
        raise Refused((("exists", f"{target} exists already", "--force, or --to another file"),))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    except OSError as error:
        raise AllstopError(
            f"{target}: {error.strerror}", "choose another place with --to"
        ) from None
