"""A protocol as somebody names it on the command line: a built-in one, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from allstop.domain.verdict import nearest
from allstop.errors import Invalid

if TYPE_CHECKING:
    from allstop.domain.policy import Protocol
    from allstop.faces.cli.session import Session
    from allstop.protocol.standalone import Standalone

LIST = "allstop protocol list"


def read_alone(session: Session, name: str) -> Standalone:
    """What can be said of it by itself, without a fleet and a roster, as of today."""
    from allstop.protocol.standalone import load_protocol  # noqa: PLC0415 - help must not load it

    return load_protocol(name, session.launch.now().date())


def protocol_given(session: Session, name: str) -> Protocol:
    """The protocol of that name. Raises Invalid with every problem it has."""
    from allstop.protocol.inherit import every_pack, packs  # noqa: PLC0415 - help must not load it

    if name not in every_pack() and not _exists(name):
        hint = nearest(name, packs())
        hint = hint if hint.startswith("did you mean") else f"a file, or one of: {LIST}"
        text = "there is no built-in protocol and no file of that name"
        raise Invalid(f"{name} cannot be used: {text}", hint)
    found = read_alone(session, name)
    if found.protocol is None:
        told = "\n".join(str(one) for one in found.problems if one.is_error)
        raise Invalid(f"{name} cannot be used:\n{told}", _mending(name, every_pack()))
    return found.protocol


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a path, or with a zero in it
        return False


def _mending(name: str, built_in: tuple[str, ...]) -> str:
    return (
        LIST if name in built_in else "mend it, and look again: allstop protocol check FILE --alone"
    )
