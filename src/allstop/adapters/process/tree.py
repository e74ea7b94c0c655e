"""What belongs to a named process: its tree while it lives, and what of it is left afterwards. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from allstop.adapters.mechanisms.process_handle import group_members
from allstop.adapters.mechanisms.process_tree import Kin, Mark, is_gone, members
from allstop.adapters.process.naming import Named, find, still_there


@dataclass(frozen=True, slots=True)
class OwnedTree:
    """named: the process itself; kins: where its processes are found; loose: living processes of its
    group of which nothing proves that they are its own, so that nobody may touch them."""

    named: Named
    kins: tuple[Kin, ...]
    loose: tuple[int, ...] = ()

    def processes(self) -> list[psutil.Process]:
        """All that live now and are its own."""
        found = {one.pid: one for kin in self.kins for one in members(kin)}
        return list(found.values())

    def doubt(self) -> str:
        """Who may be its own or a stranger's, in a sentence; empty when there is nobody."""
        if not self.loose:
            return ""
        numbers = ", ".join(str(pid) for pid in self.loose[:5])
        return (
            f"{self.named.why}; {counted(len(self.loose))} ({numbers}) in its group may be its own or"
            " strangers, and were not touched"
        )


def counted(number: int) -> str:
    """`1 process`, `3 processes`."""
    return f"{number} process{'' if number == 1 else 'es'}"


def owned_tree(pid_file: Path, word: str, mark: Mark | None, left: object) -> OwnedTree:
    """Find it. left: identities of processes that were seen in its tree while it lived.

    Raises NoPid, InDoubt.
    """
    named = find(pid_file, word, mark)
    if named.process is not None:
        # Nobody else can have this number as session or group while it is the process's.
        return OwnedTree(named, (Kin(named.process, named.pid, mark),))
    proven = still_there(left if isinstance(left, list) else [])
    kins = tuple(Kin(root=one) for one in proven) + ((Kin(mark=mark),) if mark else ())
    return OwnedTree(named, kins, _loose(named.pid, kins))


def _loose(group: int, kins: Sequence[Kin]) -> tuple[int, ...]:
    living = group_members(group)[0] if group else []
    if not living:
        return ()
    known = {one.pid for kin in kins for one in members(kin)}
    # Short-lived children come and go between the two looks.
    return tuple(pid for pid in living if pid not in known and not is_gone(pid))
