"""What supervisord says about one program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.supervisor.calls import Answer, Call, Fault, NoAnswer, Supervisord
from allstop.domain.policy.tables import Scalar

BAD_NAME = 10
NOT_RUNNING = 70
ALREADY_STARTED = 60

# Not UNKNOWN: supervisord itself counts that among the stopped ones.
ENDED = frozenset({"STOPPED", "EXITED", "FATAL"})
_STATES = {
    0: "STOPPED", 10: "STARTING", 20: "RUNNING", 30: "BACKOFF", 40: "STOPPING",
    100: "EXITED", 200: "FATAL", 1000: "UNKNOWN",
}  # fmt: skip
_LARGEST_PID = 2**31


class Unfit(Exception):
    """supervisord knows no such program, or will not say; the text says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """state: in supervisord's words; pid: 0 when there is no process; uptime_s: since its last start."""

    name: str
    state: str
    pid: int
    uptime_s: int
    why: str

    def words(self) -> str:
        """For a sentence."""
        number = f", process {self.pid}" if self.pid else ""
        why = f" ({self.why})" if self.why else ""
        return f"{self.name} is {self.state}{number}{why}"

    def facts(self) -> dict[str, Scalar]:
        facts: dict[str, Scalar] = {"state": self.state, "pid": self.pid}
        return facts | {"uptime_s": self.uptime_s} if self.state == "RUNNING" else facts


def info_of(process: str) -> Call:
    """The call that asks about it."""
    return Call("supervisor.getProcessInfo", (process,))


def program(process: str, answer: Answer) -> Program:
    """The answer to `info_of`. Raises Unfit, and NoAnswer for one that makes no sense."""
    if isinstance(answer, Fault):
        if answer.code == BAD_NAME:
            raise Unfit(f"supervisord knows no process {process}")
        raise Unfit(f"supervisord says nothing about {process}: {answer.text}")
    if not isinstance(answer, dict):
        raise NoAnswer(f"supervisord's answer about {process} makes no sense", sent=True)
    if f"{answer.get('group')}:{answer.get('name')}" != process:
        raise NoAnswer(f"asked about {process}, supervisord answered about another", sent=True)
    state, pid, start, now = (_whole(answer.get(key)) for key in ("state", "pid", "start", "now"))
    if state not in _STATES or not 0 <= pid < _LARGEST_PID:
        raise NoAnswer(f"supervisord's answer about {process} makes no sense", sent=True)
    spawn = answer.get("spawnerr")
    why = one_line(spawn, 120) if isinstance(spawn, str) else ""
    if _STATES[state] == "EXITED":
        why = f"exit code {_whole(answer.get('exitstatus'))}"
    uptime = max(0, now - start) if start > 0 else 0
    return Program(process, _STATES[state], pid, min(uptime, _LARGEST_PID), why)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


async def settled(supervisord: Supervisord, process: str, deadline: Deadline) -> Program:
    """Its state. One that has EXITED is asked about twice: when supervisord is to start it again, it does so between
    two calls. Raises Unfit, NoAnswer."""
    (answer,) = await supervisord.ask((info_of(process),), deadline)
    seen = program(process, answer)
    if seen.state == "EXITED":
        (answer,) = await supervisord.ask((info_of(process),), deadline)
        seen = program(process, answer)
    return seen
