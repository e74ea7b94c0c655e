"""The state file of a host: what stands, in lines that the smallest of programs can read. Pure, strict both ways.

Written whole by the host, read by the gate, by checks inside programs and by the launch wrapper. Whatever is not
exactly of this form is `Unreadable`, and who meets that runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from allstop.errors import Corrupt, Invalid
from allstop.gate import STATE_VERSION

CLASSES = ("read", "write", "exec", "net", "deploy", "spend", "comms", "other")
REPORT = "report"
DEFAULT = "default"
HARD = "hard"
UNKNOWN = ("covered", "free")
NONE = "-"
LARGEST = 1_000_000

# Agents are named as on the roster, sessions as their clients please: an underscore occurs in both.
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_FOLDER = re.compile(r"/|/[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f/]")


class Unreadable(Corrupt):
    """The state file makes no sense; the text says why. Nothing may run."""


@dataclass(frozen=True, slots=True)
class StandingHalt:
    """A halt. classes: `default`, `hard`, or the blocked classes; scope: `all`, `team:NAME`, `agent:ID`, `session:ID` or `repository:/folder`.

    incident and severity are `-` when there is none.
    """

    id: str
    incident: str
    severity: str
    classes: tuple[str, ...]
    scope: str

    def blocks(self, tool_class: str) -> bool:
        """Whether a tool of this class is refused. Reporting never is."""
        if tool_class == REPORT:
            return False
        if self.classes == (HARD,):
            return True
        if self.classes == (DEFAULT,):
            return tool_class != "read"
        return tool_class in self.classes

    @property
    def hard(self) -> bool:
        return self.classes == (HARD,)


@dataclass(frozen=True, slots=True)
class Pass:
    """A responder's pass through one halt. until: seconds since the machine started, in the boot of the state."""

    session: str
    until: int
    classes: tuple[str, ...]
    halt: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything that stands on a host, as of the numbered order. lease_closed: without a fresh lease nothing runs.

    unknown_covered: whether a client without identity is under a narrow halt. boot: the boot in which seconds count.
    """

    seq: int
    boot: str
    unknown_covered: bool = True
    lease_closed: bool = False
    halts: tuple[StandingHalt, ...] = ()
    passes: tuple[Pass, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """Good until so many seconds since the machine started, in that boot."""

    boot: str
    until: int


def render(state: State) -> str:
    """The text of the state file. Raises Invalid when something in it cannot be said there."""
    lines = [
        f"allstop-state {STATE_VERSION}",
        f"seq {state.seq}",
        f"boot {state.boot}",
        f"unknown {UNKNOWN[0] if state.unknown_covered else UNKNOWN[1]}",
        *(("lease closed",) if state.lease_closed else ()),
        *(
            f"halt {h.id} {h.incident} {h.severity} {','.join(h.classes)} {h.scope}"
            for h in state.halts
        ),
        *(f"pass {p.session} {p.until} {','.join(p.classes)} {p.halt}" for p in state.passes),
        f"end {state.seq}",
    ]
    text = "\n".join(lines) + "\n"
    try:
        same = parse(text) == state
    except Unreadable as error:
        raise Invalid(
            f"the state cannot be written: {error.text}", "Ids hold letters, digits, . _ : and -."
        ) from error
    if not same:
        raise Invalid("the state cannot be written: it would be read as another one")
    return text


def render_lease(lease: Lease) -> str:
    """The text of the lease file. Raises Invalid."""
    text = f"{lease.boot} {lease.until}\n"
    if parse_lease(text) != lease:
        raise Invalid("the lease cannot be written: it needs the boot's id and whole seconds")
    return text


def parse_lease(text: str) -> Lease | None:
    """What a lease file says; None when that makes no sense, which is no lease."""
    words = text.partition("\n")[0].split(" ")
    if len(words) != 2 or not _ID.fullmatch(words[0]) or not _NUMBER.fullmatch(words[1]):
        return None
    return Lease(words[0], int(words[1]))


def parse(text: str) -> State:
    """What a state file says; its bytes are UTF-8, others as surrogate escapes. Raises Unreadable, naming the line."""
    if len(text) > LARGEST:
        raise Unreadable("it is larger than any state file")
    lines = text.split("\n")
    if lines.pop() or len(lines) < 5:
        raise Unreadable("it is cut off")
    if lines[0] != f"allstop-state {STATE_VERSION}":
        raise Unreadable("it does not begin with the version this program reads")
    seq = _after(lines[1], "seq ", _NUMBER, 2)
    boot = _after(lines[2], "boot ", _ID, 3)
    unknown = _after(lines[3], "unknown ", re.compile("|".join(UNKNOWN)), 4)
    if lines[-1] != f"end {seq}":
        raise Unreadable("its last line is not that of its number, so it is cut off or mixed up")
    start = 5 if lines[4] == "lease closed" else 4
    halts, passes = _what_stands(lines[start:-1], start + 1)
    return State(int(seq), boot, unknown == UNKNOWN[0], start == 5, halts, passes)


def _what_stands(
    lines: Iterable[str], first: int
) -> tuple[tuple[StandingHalt, ...], tuple[Pass, ...]]:
    halts: list[StandingHalt] = []
    passes: list[Pass] = []
    for number, line in enumerate(lines, first):
        words = line.split(" ")
        if words[0] == "halt":
            halts.append(_halt(line.split(" ", 5), number))
        elif words[0] == "pass":
            passes.append(_pass(words, number))
        else:
            raise Unreadable(f"line {number} is neither a halt nor a pass")
    return tuple(halts), tuple(passes)


def _halt(words: list[str], number: int) -> StandingHalt:
    if len(words) != 6 or not all(_ID.fullmatch(word) for word in words[1:4]):
        raise Unreadable(f"line {number} is no halt")
    classes = (words[4],) if words[4] in (DEFAULT, HARD) else _classes(words[4], number)
    if not is_scope(words[5]):
        raise Unreadable(f"line {number} names no scope")
    return StandingHalt(words[1], words[2], words[3], classes, words[5])


def _pass(words: list[str], number: int) -> Pass:
    if len(words) != 5 or not _ID.fullmatch(words[1]) or not _ID.fullmatch(words[4]):
        raise Unreadable(f"line {number} is no pass")
    if not _NUMBER.fullmatch(words[2]):
        raise Unreadable(f"line {number} gives no whole seconds")
    return Pass(words[1], int(words[2]), _classes(words[3], number), words[4])


def is_scope(scope: str) -> bool:
    """Whether a scope can stand in a state file; those by host and by name of a repository are resolved before."""
    kind, colon, name = scope.partition(":")
    match kind:
        case "all":
            return not colon
        case "team":
            return bool(_NAME.fullmatch(name))
        case "agent" | "session":
            return bool(_ID.fullmatch(name))
        case "repository":
            return bool(_FOLDER.fullmatch(name))
        case _:
            return False


def _classes(text: str, number: int) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not set(found) <= set(CLASSES):
        raise Unreadable(f"line {number} names a class of tools that does not exist")
    return found


def _after(line: str, word: str, shape: re.Pattern[str], number: int) -> str:
    rest = line.removeprefix(word)
    if rest == line or not shape.fullmatch(rest):
        raise Unreadable(f"line {number} is not «{word.strip()}» with its value")
    return rest
