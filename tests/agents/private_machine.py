"""A machine of one's own for a moment: the administrator's folders are copies that only what runs in there sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.agents.clients import ROOT
from tests.host.whole import environment

# /etc is a copy; what is written below the other two goes to a layer above them. All of it ends with the last process.
_PREPARED = """
mount -t tmpfs none /mnt && cp -a /etc /mnt/etc && mount --bind /mnt/etc /etc || exit 125
for one in usr/local var/lib; do
    mkdir -p "/mnt/above/$one" "/mnt/work/$one" &&
        mount -t overlay none -o "lowerdir=/$one,upperdir=/mnt/above/$one,workdir=/mnt/work/$one" "/$one" || exit 125
done
exec "$@"
"""
_ALLSTOP = (sys.executable, "-m", "allstop")


@cache
def may_be_made() -> bool:
    """Whether this user may have one: root, on a kernel that lets it."""
    if os.geteuid() != 0:
        return False
    words = ("unshare", "--mount", "sh", "-c", _PREPARED, "sh", "true")
    return subprocess.run(words, check=False, capture_output=True, timeout=60).returncode == 0


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what it found."""

    code: int
    found: list[dict[str, Any]]
    said: str

    def states(self, check: str) -> list[str]:
        return [one["state"] for one in self.found if one["check"] == check]

    def texts(self, check: str, state: str) -> list[str]:
        return [one["text"] for one in self.found if (one["check"], one["state"]) == (check, state)]


def on_a_machine(*steps: tuple[str, ...], home: Path, private: bool) -> Told:
    """Commands of Allstop one after the other; the last one's JSON. private: in a machine of its own."""
    lines = [" ".join(_quoted(word) for word in (*_ALLSTOP, *step)) for step in steps]
    script = "\n".join([*(f"{line} >&2 || exit 99" for line in lines[:-1]), f"exec {lines[-1]}"])
    return _told(("sh", "-c", script), home=home, private=private)


def session_on_a_machine(program: str, *, home: Path) -> Told:
    """A session of Claude Code that is denied its tools as it runs."""
    words = (sys.executable, "-m", "tests.agents.denied_session", program)
    return _told(words, home=home, private=True)


def _told(words: tuple[str, ...], *, home: Path, private: bool) -> Told:
    if private:
        words = ("unshare", "--mount", "sh", "-c", _PREPARED, "sh", *words)
    ran = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        env=environment() | {"HOME": str(home)}, cwd=ROOT,
    )  # fmt: skip
    said = ran.stdout + ran.stderr
    return Told(ran.returncode, json.loads(ran.stdout) if ran.stdout.startswith("[") else [], said)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
