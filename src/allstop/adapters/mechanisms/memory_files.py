"""Whether a folder is in memory, where no look can hang: on tmpfs, as /run is."""

from __future__ import annotations

import os
import select
import stat

_MOUNTS = "/proc/self/mountinfo"
# Place of the mount point in a line.
_POINT = 4
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


class MemoryFolders:
    """Looks up what is mounted where, and again once mounts have changed. Never touches what could hang."""

    def __init__(self, mounts: str = _MOUNTS) -> None:
        """mounts: a file in the form of /proc/self/mountinfo; another one for tests."""
        self._path = mounts
        self._handle = -1
        self._changes = select.poll()
        self._kinds: dict[str, str] = {}
        self._inside: dict[str, tuple[str, ...]] = {}

    def hold(self, file: str) -> bool:
        """Whether a file's folder is in memory; False for a relative path, and in doubt."""
        if not file.startswith("/") or ".." in file:
            return False
        if self._have_changed():
            self._read()
        folder = file.rpartition("/")[0]
        inside = self._inside.get(folder)
        if inside is None:
            inside = self._inside[folder] = self._below_mount(folder)
        # A link on the way could lead anywhere. From above, so that each one is looked at in memory.
        return bool(inside) and all(_is_folder(one) for one in inside)

    def _below_mount(self, folder: str) -> tuple[str, ...]:
        """The folders from the mount point on down to this one; none when it is not in memory."""
        parts = [part for part in folder.split("/") if part not in ("", ".")]
        way = ["/" + "/".join(parts[:count]) for count in range(len(parts) + 1)]
        mounted = [place for place, one in enumerate(way) if one in self._kinds]
        if not mounted or self._kinds[way[mounted[-1]]] not in _IN_MEMORY:
            return ()
        return tuple(way[mounted[-1] :])

    def _have_changed(self) -> bool:
        if self._handle >= 0:
            return bool(self._changes.poll(0))
        try:
            self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        self._changes.register(self._handle, select.POLLPRI)
        self._changes.poll(0)
        return True

    def _read(self) -> None:
        os.lseek(self._handle, 0, os.SEEK_SET)
        text = b""
        while piece := os.read(self._handle, 65_536):
            text += piece
        self._kinds, self._inside = {}, {}
        for line in text.decode("utf-8", "surrogateescape").splitlines():
            before, _, after = line.partition(" - ")
            if len(before.split()) > _POINT and after:
                # The last of several at one place is the one that can be seen.
                self._kinds[_plain(before.split()[_POINT])] = after.split()[0]


def _plain(text: str) -> str:
    """A mount point without its escapes (`\\040` is a space)."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
