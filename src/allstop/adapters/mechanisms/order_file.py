"""The halt file: the standing order to one agent, on disk, where it works without Allstop.

Line based, `key value`: v, seq, mode (run or halt), halt, incident, reason. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning, locked, replace
from allstop.adapters.mechanisms.text import one_line

VERSION = "1"
_LARGEST = 16_384


class NewerOrder(Exception):
    """The file holds an order that ours must not replace."""


class Unreadable(Exception):
    """The file is there and makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """seq: number of the order, only ever growing; halted: mode halt (True) or run."""

    seq: int
    halted: bool
    halt: str = ""
    incident: str = ""
    reason: str = ""

    def text(self) -> str:
        """The file's content; one line each, whatever the words hold."""
        words = {
            "v": VERSION,
            "seq": str(self.seq),
            "mode": "halt" if self.halted else "run",
            "halt": one_line(self.halt, 200),
            "incident": one_line(self.incident, 200),
            "reason": one_line(self.reason, 500),
        }
        return "".join(f"{key} {value}".rstrip() + "\n" for key, value in words.items())


def read_order(path: Path) -> Order | None:
    """The standing order, None when there is no file. Raises Unreadable."""
    try:
        text = beginning(path, _LARGEST)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(one_line(str(error))) from error
    fields = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        fields[key] = value.strip()
    seq, mode = fields.get("seq", ""), fields.get("mode", "")
    if fields.get("v") != VERSION or mode not in ("run", "halt"):
        raise Unreadable("the halt file makes no sense")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 20):
        raise Unreadable("the halt file has no number")
    words = (fields.get(key, "") for key in ("halt", "incident", "reason"))
    return Order(int(seq), mode == "halt", *words)


def outranks(standing: Order, seq: int, halted: bool) -> bool:
    """Whether the standing order stays. A race of halt and release under one number ends halted."""
    if standing.seq != seq:
        return standing.seq > seq
    return standing.halted and not halted


def write_order(path: Path, order: Order, deadline: Deadline) -> None:
    """Put the order in place and read it back; it survives power loss.

    A file that makes no sense is replaced by a halt, not by a run: an agent that meets it has
    stopped, and why should be looked at first. Raises NewerOrder, Unreadable, TimeoutError, OSError.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent}")
    with locked(path, deadline):
        try:
            standing = read_order(path)
        except Unreadable:
            if not order.halted:
                raise
            standing = None
        if standing is not None and outranks(standing, order.seq, order.halted):
            raise NewerOrder(f"a newer order stands: {standing.seq}, not {order.seq}")
        replace(path, order.text())
        written = read_order(path)
        if written is None or (written.seq, written.halted) != (order.seq, order.halted):
            raise Unreadable("the halt file was read back and differs")
