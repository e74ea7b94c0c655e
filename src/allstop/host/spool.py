"""What gates wrote down: refused calls and what clients said of themselves. Anybody on the machine may write it, so it is read as such."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A flood fills a file, not our memory: so much is read at once, and a larger file is begun anew.
_AT_ONCE = 262_144
_LARGEST_FILE = 4_194_304
_WORD = re.compile(r"[A-Za-z0-9._:/@+-]{1,200}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A call a gate refused. seconds: since the machine started."""

    seq: int
    halt: str
    runtime: str
    session: str
    tool: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a client did: started, stopped or ended a session in a folder."""

    seq: int
    event: str
    runtime: str
    session: str
    seconds: int
    folder: str


class Spool:
    """Reads what was added since it was read last. Raises OSError only for a spool that cannot be made."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "spool" / "receipts"
        self._place = 0
        self._file = 0
        self._rest = b""
        self.garbled = 0
        self.floods = 0

    def prepare(self) -> None:
        """The folder and the file agents append to; the folder itself they cannot list or empty."""
        self._path.parent.mkdir(mode=0o711, exist_ok=True)
        self._path.parent.chmod(0o711)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o622)
        os.fchmod(handle, 0o622)
        os.close(handle)

    def news(self) -> Iterator[Receipt | Fact]:
        """Every line that is whole and makes sense; what does not is counted in `garbled`.

        Whoever writes faster than it is read fills no disk: what is too much is thrown away, and counted in `floods`.
        """
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                self.prepare()  # somebody removed it: gates have to find it again
            return
        except OSError:
            return
        with os.fdopen(handle, "rb") as file:
            seen = os.fstat(file.fileno())
            if seen.st_ino != self._file or seen.st_size < self._place:
                self._file, self._place, self._rest = seen.st_ino, 0, b""
            if seen.st_size - self._place > _LARGEST_FILE:
                self.floods += 1
                self._place, self._rest = seen.st_size, b""
            file.seek(self._place)
            body = file.read(_AT_ONCE)
            self._place += len(body)
            if self._place > _LARGEST_FILE and self._place >= seen.st_size:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), 0)
                self._place = 0
        lines = (self._rest + body).split(b"\n")
        self._rest = lines.pop()[-4096:]
        for line in lines:
            found = _read(line.decode("ascii", "replace"))
            if found is None:
                self.garbled += 1
            else:
                yield found


def _read(line: str) -> Receipt | Fact | None:
    words = line.split(" ")
    if words[0] == "deny" and len(words) == 7 and _sound(words[1:]):
        if words[1].isdigit() and words[6].isdigit():
            halt, runtime, session, tool = words[2:6]
            return Receipt(int(words[1][:18]), halt, runtime, session, tool, int(words[6][:18]))
    elif words[0] == "fact" and len(words) >= 7 and _sound(words[1:6]):
        folder = " ".join(words[6:])[:1000]
        if words[1].isdigit() and words[5].isdigit() and folder.isprintable():
            event, runtime, session = words[2:5]
            return Fact(int(words[1][:18]), event, runtime, session, int(words[5][:18]), folder)
    return None


def _sound(words: list[str]) -> bool:
    return all(_WORD.fullmatch(word) for word in words)
