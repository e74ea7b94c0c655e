"""What hosts send. Strict and bounded like all bodies."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from allstop.faces.http.models import Body, Count, Line, Name, NewName

Code = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z][a-z-]*$")]


class NewHost(Body):
    """A host that is to follow the standing orders."""

    host: NewName


class RefusedOrder(Body):
    """An order, or a part of one, that the host would not take. seq: its number, 0 where it had none."""

    seq: Count
    code: Code
    because: Line


class FrozenAgent(Body):
    """An agent whose processes are frozen, and were read back."""

    agent: Name
    processes: Count
    evidence: Line


class CheckedAgent(Body):
    """An agent's answer to a roll call, compared with what the host sees."""

    agent: Name
    halt: Name
    agrees: bool
    evidence: Line


class Acknowledgement(Body):
    """seq: the highest number the host has accepted, 0 for none; agents: that run on it."""

    seq: Count
    refused: Annotated[tuple[RefusedOrder, ...], Field(max_length=100)] = ()
    frozen: Annotated[tuple[FrozenAgent, ...], Field(max_length=1000)] = ()
    checked: Annotated[tuple[CheckedAgent, ...], Field(max_length=1000)] = ()
    agents: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
