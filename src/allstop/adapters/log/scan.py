"""Counts the lines of a log that match: run as a program of its own, with no other module of ours.

Reads what to do as JSON from its only argument and writes what was found as JSON. Two ways: `follow`
reads what was written since the last time, through rotation and truncation; `tail` reads back from the
end and goes by the time each line carries.
"""

import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_FINGERPRINT = 256
_PACKED = (".gz", ".xz", ".bz2", ".zst", ".lz4")
_DAY = timedelta(days=1)


def _open(path: str) -> int:
    """An ordinary file; a pipe is not waited for. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is no ordinary file")
    return handle


def _read(handle: int, start: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(handle, min(length, 1 << 20), start)):
        parts.append(part)
        start += len(part)
        length -= len(part)
    return b"".join(parts)


def _lines(body: bytes, longest: int) -> Iterator[str]:
    for line in body.split(b"\n"):
        yield line[:longest].decode("utf-8", "replace").rstrip("\r")


# --- following -----------------------------------------------------------------------------------


def _print(handle: int, offset: int) -> str:
    """What stands just before the offset: it differs when the file was written anew."""
    start = max(0, offset - _FINGERPRINT)
    return hashlib.sha256(_read(handle, start, offset - start)).hexdigest()


def _state(handle: int, offset: int) -> dict[str, Any]:
    seen = os.fstat(handle)
    return {
        "device": seen.st_dev,
        "inode": seen.st_ino,
        "offset": offset,
        "print": _print(handle, offset),
    }


def _is_continued(handle: int, state: dict[str, Any]) -> bool:
    seen = os.fstat(handle)
    same = (seen.st_dev, seen.st_ino) == (state["device"], state["inode"])
    return (
        same
        and seen.st_size >= state["offset"]
        and _print(handle, state["offset"]) == state["print"]
    )


def _renamed(path: str, state: dict[str, Any]) -> int | None:
    """The file that was read until now, under the name it was given."""
    with os.scandir(os.path.split(path)[0] or ".") as entries:
        for entry in entries:
            if entry.inode() == state["inode"] and entry.is_file(follow_symlinks=False):
                handle = _open(entry.path)
                if _is_continued(handle, state):
                    return handle
                os.close(handle)
    return None


def _written_since(
    handle: int, offset: int, most: int, longest: int, *, over: bool
) -> tuple[bytes, int, str]:
    """Whole lines from the offset on, where to go on, and why something was left out.

    over: nothing more will be written to the file, so that its last line is whole as it is.
    """
    size = os.fstat(handle).st_size
    if size - offset > most:
        return b"", _line_start(handle, size, longest), "more was written than can be read"
    body = _read(handle, offset, size - offset)
    end = body.rfind(b"\n") + 1
    if over or (not end and len(body) > longest):
        end = len(body)  # a line without an end must not be read again and again
    return body[:end], offset + end, ""


def _line_start(handle: int, size: int, longest: int) -> int:
    start = max(0, size - longest)
    end = _read(handle, start, size - start).rfind(b"\n") + 1
    return start + end if end else size


def follow(task: dict[str, Any]) -> dict[str, Any]:
    """Raises OSError when the file cannot be read, FileNotFoundError when there is none."""
    path, state = task["path"], task["state"]
    most, longest = task["max_bytes"], task["max_line"]
    if state is None:
        handle = _open(path)
        seen = os.fstat(handle)
        begin = _state(handle, _line_start(handle, seen.st_size, longest))
        return {"matches": 0, "lines": 0, "gap": "", "changed": seen.st_mtime, "state": begin}
    gap = ""
    readings: list[tuple[int, int]] = []
    try:
        handle = _open(path)
    except FileNotFoundError:
        # Between the rename and the new file.
        old = _renamed(path, state)
        if old is None:
            raise
        readings, handle = [(old, state["offset"])], old
    else:
        if _is_continued(handle, state):
            readings = [(handle, state["offset"])]
        elif (old := _renamed(path, state)) is not None:
            readings = [(old, state["offset"]), (handle, 0)]
        else:
            readings, gap = [(handle, 0)], "it was cut off, or taken away when it was rotated"
    matches = lines = end = 0
    search = _searcher(task)
    for one, offset in readings:
        over = one != handle
        body, end, left_out = _written_since(one, offset, most, longest, over=over)
        gap = gap or left_out
        for line in _lines(body, longest):
            lines += bool(line)
            matches += search(line)
    return {
        "matches": matches, "lines": lines, "gap": gap, "changed": 0, "state": _state(handle, end),
    }  # fmt: skip


def _searcher(task: dict[str, Any]) -> Callable[[str], bool]:
    pattern = re.compile(task["pattern"], re.IGNORECASE if task["ignore_case"] else 0)
    return lambda line: pattern.search(line) is not None


# --- by the time each line carries ---------------------------------------------------------------


def _moment(text: str, task: dict[str, Any]) -> float | None:
    """Seconds since 1970, or None for what is no time."""
    form = task["time_format"]
    try:
        if form in ("epoch", "epoch_ms"):
            return float(text) / (1000 if form == "epoch_ms" else 1)
        moment = _written(text, form, task["now"])
        if moment.tzinfo is None and task["time_zone"] == "utc":
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _written(text: str, form: str, now: float) -> datetime:
    if form == "iso":
        return datetime.fromisoformat(text)
    if "%Y" in form or "%y" in form:
        return _parsed(text, form)
    # Without a year it is the last such day; with this year put in, for the 29th of February.
    today = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    moment = _parsed(f"{today.year} {text}", f"%Y {form}")
    if moment.replace(tzinfo=None) <= today + _DAY:
        return moment
    return _parsed(f"{today.year - 1} {text}", f"%Y {form}")


def _parsed(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 - its zone, if any, is added by who asks


def _time_finder(task: dict[str, Any]) -> Callable[[str], float | None]:
    if task["time_field"]:
        return lambda line: _field_time(line, task)
    pattern = re.compile(task["time_pattern"])

    def find(line: str) -> float | None:
        found = pattern.search(line)
        return _moment(found[1] or "", task) if found else None

    return find


def _field_time(line: str, task: dict[str, Any]) -> float | None:
    try:
        value = json.loads(line)
        for part in task["time_field"].split("."):
            value = value[part]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return _moment(str(value), task) if isinstance(value, str | int | float) else None


def tail(task: dict[str, Any]) -> dict[str, Any]:
    """Raises OSError when the file cannot be read."""
    count = {"matches": 0, "lines": 0, "read": 0, "dated": 0, "complete": True}
    handle = _open(task["path"])
    left = task["max_bytes"]
    reaches_back, read = _count(handle, left, task, count)
    if not reaches_back:
        for earlier in _earlier(task["path"], os.fstat(handle).st_ino, task["since"]):
            if earlier is None:
                count["complete"] = False
                continue
            reaches_back, more = _count(earlier, left - read, task, count)
            read += more
            if reaches_back:
                break
    return count


def _earlier(path: str, inode: int, since: float) -> Iterator[int | None]:
    """Rotated files that were written since, the latest first; None for one that is packed."""
    folder, name = os.path.split(path)
    stem, dot, suffix = name.rpartition(".")
    found = []
    with os.scandir(folder or ".") as entries:
        for entry in entries:
            rotated = _follows(entry.name, name) or (
                dot and _follows(entry.name, stem) and entry.name.endswith(f".{suffix}")
            )
            if rotated and entry.is_file() and entry.inode() != inode:
                found.append((entry.stat().st_mtime, entry.path))
    for changed, other in sorted(found, reverse=True):
        if changed >= since:
            yield None if other.endswith(_PACKED) else _open(other)


def _follows(name: str, beginning: str) -> bool:
    """Whether it is the beginning with something put behind it, such as `.1` or `-20261121`."""
    return name.startswith(beginning) and name[len(beginning) : len(beginning) + 1] in ".-_"


def _count(handle: int, most: int, task: dict[str, Any], count: dict[str, Any]) -> tuple[bool, int]:
    """Add what one file says. Returns whether it reaches back to the beginning of the window, and the
    number of bytes that were read."""
    size = os.fstat(handle).st_size
    start = max(0, size - max(0, most))
    body = _read(handle, start, size - start)
    if start and body:
        body = body[body.find(b"\n") + 1 :] if b"\n" in body else b""
    search, find = _searcher(task), _time_finder(task)
    at: float | None = None
    reaches_back = undated = False
    for line in filter(None, _lines(body, task["max_line"])):
        moment = find(line)
        count["read"] += 1
        if moment is not None:
            count["dated"] += 1
            reaches_back = reaches_back or moment < task["since"]
            at = moment
        # A line without a time belongs to the one above it; nobody knows how old the first ones are.
        if at is None:
            undated = undated or search(line)
        elif at >= task["since"]:
            count["lines"] += 1
            count["matches"] += search(line)
    if not reaches_back and (start or undated):
        count["complete"] = False
    return reaches_back or start > 0, size - start


def main() -> None:
    """One task."""
    task = json.loads(sys.argv[1])
    try:
        found = follow(task) if task["way"] == "follow" else tail(task)
    except OSError as error:
        found = {"error": f"{error.strerror or error}: {task['path']}"}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
