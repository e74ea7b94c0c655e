"""The probe `log`: growth, times, rotation, and patterns that never end."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.log.probe import LogProbe
from allstop.testing.contracts.probe import ProbeCase, ProbeContract

LONG_AGO = 10_000


def quiet(path: Path, text: str = "start\n") -> Path:
    """A log that nobody has written to for a long time."""
    path.write_text(text)
    then = time.time() - LONG_AGO
    os.utime(path, (then, then))
    return path


def add(path: Path, *lines: str) -> None:
    with path.open("a") as log:
        log.writelines(f"{line}\n" for line in lines)


def stamp(seconds_ago: float, form: str = "iso") -> str:
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    if form == "local":
        return moment.astimezone().replace(tzinfo=None).isoformat()
    return moment.isoformat() if form == "iso" else moment.strftime(form)


class Following:
    """One probe that looks at one log again and again."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.options = {"path": str(path), "pattern": "ERROR", **options}
        self.probe = LogProbe()

    async def look(self, timeout_ms: int = 5000) -> tuple[bool | None, str, dict[str, Any]]:
        sample, facts = await self.probe.measure("p", self.options, timeout_ms)
        return sample.good, sample.text, facts


class TestContract(ProbeContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ProbeCase:
        good, bad = quiet(tmp_path / "good.log"), tmp_path / "bad.log"
        add(bad, f"{stamp(5)} ERROR")
        os.mkfifo(tmp_path / "pipe")
        noise = tmp_path / "noise"
        noise.write_bytes(os.urandom(100_000) + b"\n")
        timed = {"time_pattern": r"^(\S+)"}
        bomb = tmp_path / "bomb.log"
        add(bomb, f"{stamp(1)} " + "a" * 60)
        return ProbeCase(
            LogProbe(),
            good={"path": str(good), "pattern": "ERROR"},
            bad={"path": str(bad), "pattern": "ERROR", **timed},
            silent={"path": str(bomb), "pattern": "(a+)+b", **timed},
            impossible={"path": str(good), "pattern": "("},
            absent={"path": str(tmp_path / "none"), "pattern": "x"},
            garbage=(
                {"path": str(tmp_path / "pipe"), "pattern": "x"},
                {"path": str(noise), "pattern": "x", **timed},
                {"path": str(noise), "pattern": "x", "time_field": "at"},
                {"path": str(tmp_path), "pattern": "x"},
            ),
            look=lambda: sorted((path, path.stat().st_size) for path in tmp_path.iterdir()),
        )


# --- by growth ------------------------------------------------------------------------------------


async def test_what_is_written_is_counted_once(tmp_path: Path) -> None:
    """Given a log under watch, each line counts when it appears, and only matching ones are bad."""
    log = quiet(tmp_path / "log", "ERROR of long ago\n")
    following = Following(log, at_most=1)
    assert await following.look() == (
        True,
        "0 of 0 lines within 60s match",
        {"matches": 0, "lines": 0},
    )
    add(log, "fine", "ERROR one")
    assert (await following.look())[2] == {"matches": 1, "lines": 2}
    assert (await following.look())[0] is True
    add(log, "ERROR two")
    good, text, facts = await following.look()
    assert (good, text) == (False, "2 of 3 lines within 60s match, 1 may")
    assert facts == {"matches": 2, "lines": 3}


async def test_the_window_moves_on(tmp_path: Path) -> None:
    """Given a short window, what was found leaves it again."""
    log = quiet(tmp_path / "log")
    following = Following(log, within_s=1)
    await following.look()
    add(log, "ERROR")
    assert (await following.look())[0] is False
    await asyncio.sleep(1.1)
    assert (await following.look())[0] is True


async def test_what_was_not_followed_is_not_known(tmp_path: Path) -> None:
    """Given a log that was written to just now, nobody knows what; only that it is bad can be known."""
    log = tmp_path / "log"
    add(log, "perhaps an ERROR")
    following = Following(log)
    good, text, _ = await following.look()
    assert (good, "followed without a gap for 0s only" in text) == (None, True)
    add(log, "ERROR")
    assert (await following.look())[0] is False


async def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    """Given a line that is still being written, it counts once, and whole."""
    log = quiet(tmp_path / "log")
    following = Following(log, pattern="^ERROR: disk$")
    await following.look()
    with log.open("a") as file:
        file.write("ERROR: ")
        file.flush()
        assert (await following.look())[2] == {"matches": 0, "lines": 0}
        file.write("disk\n")
    assert (await following.look())[2] == {"matches": 1, "lines": 1}


@pytest.mark.parametrize("new_name", ["log.1", "log-20261121", "elsewhere.old"])
async def test_a_rotated_log_is_read_to_its_end(tmp_path: Path, new_name: str) -> None:
    """Given a rotation by renaming, the end of the old file and the beginning of the new one both count."""
    log = quiet(tmp_path / "log")
    following = Following(log, at_most=10)
    await following.look()
    add(log, "ERROR before")
    with log.open("a") as file:
        file.write("ERROR without an end")
    log.rename(tmp_path / new_name)
    good, _, facts = await following.look()  # there is no new file yet
    assert (good, facts["matches"]) == (True, 1)
    add(log, "ERROR after")
    good, text, facts = await following.look()
    assert (good, facts) == (True, {"matches": 3, "lines": 3}), text
    add(log, "ERROR later")
    assert (await following.look())[2]["matches"] == 4


async def test_a_log_cut_off_has_a_gap(tmp_path: Path) -> None:
    """Given a log that is cut off and written anew, also to the same length, what was lost is not known."""
    log = quiet(tmp_path / "log", "x" * 99 + "\n")
    following = Following(log, at_most=5)
    await following.look()
    log.write_text("")
    good, text, _ = await following.look()
    assert (good, "it was cut off" in text) == (None, True)
    log.write_text("ERROR\n" + "y" * 200 + "\n")
    good, text, facts = await following.look()
    assert (good, facts["matches"]) == (None, 1), text


async def test_a_log_that_is_gone_says_nothing(tmp_path: Path) -> None:
    """Given a log taken away, packed as it often is, nothing is known, until it is followed again."""
    log = quiet(tmp_path / "log")
    following = Following(log, within_s=1)
    assert (await following.look())[0] is True
    (tmp_path / "log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    assert (await following.look())[:2] == (None, f"No such file or directory: {log}")
    add(log, "fine")
    assert (await following.look())[0] is None
    await asyncio.sleep(1.1)
    assert (await following.look())[0] is True


async def test_more_than_can_be_read_is_a_gap(tmp_path: Path) -> None:
    """Given more growth than is read at once, it is skipped, said, and followed from there."""
    log = quiet(tmp_path / "log")
    following = Following(log, max_bytes=1000, at_most=5)
    await following.look()
    add(log, *["ERROR " + "x" * 50] * 100)
    good, text, facts = await following.look()
    assert (good, facts["matches"]) == (None, 0)
    assert "more was written than can be read" in text
    add(log, "ERROR")
    assert (await following.look())[2]["matches"] == 1


async def test_silence_can_be_made_to_count(tmp_path: Path) -> None:
    """Given a least number of lines, a log in which nothing is written proves nothing."""
    log = quiet(tmp_path / "log")
    following = Following(log, min_lines=2)
    assert (await following.look())[0] is None
    add(log, "fine", "fine")
    assert (await following.look())[0] is True


async def test_looks_at_the_same_time_do_not_count_twice(tmp_path: Path) -> None:
    """Given five looks at once, as of a monitor and a plan, a line is counted once."""
    log = quiet(tmp_path / "log")
    following = Following(log, at_most=9)
    await following.look()
    add(log, "ERROR")
    looks = await asyncio.gather(*(following.look() for _ in range(5)))
    assert [facts["matches"] for _, _, facts in looks] == [1] * 5


async def test_a_pattern_that_never_ends_is_ended(tmp_path: Path) -> None:
    """Given a pattern of exponential effort, the look ends in time, and the coordinator goes on meanwhile."""
    log = quiet(tmp_path / "log")
    following = Following(log, pattern="(a+)+b")
    await following.look()
    add(log, "a" * 60)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    work = asyncio.create_task(others())
    good, text, facts = await following.look(800)
    work.cancel()
    assert (good, facts) == (None, {})
    assert "the pattern may be to blame" in text
    assert turns > 10


async def test_a_line_is_looked_at_so_far_and_no_further(tmp_path: Path) -> None:
    """Given a line without an end, it is read once, up to its limit."""
    log = quiet(tmp_path / "log")
    following = Following(log, max_line=10, at_most=5)
    await following.look()
    with log.open("a") as file:
        file.write("x" * 20 + "ERROR")
    assert (await following.look())[2] == {"matches": 0, "lines": 1}
    add(log, "", "error", "ERROR")
    assert (await following.look())[2]["matches"] == 1


# --- by time --------------------------------------------------------------------------------------


def timed(path: Path, **options: Any) -> Following:
    return Following(path, **{"time_pattern": r"^(\S+)", **options})


async def test_the_time_of_a_line_decides(tmp_path: Path) -> None:
    """Given old and new lines, only those within the window count, at the first look already."""
    log = tmp_path / "log"
    add(log, f"{stamp(500)} ERROR", f"{stamp(30)} ERROR", f"{stamp(20)} fine", f"{stamp(-5)} ERROR")
    good, text, facts = await timed(log, at_most=1).look()
    assert (good, facts) == (False, {"matches": 2, "lines": 3}), text
    assert (await timed(log, at_most=2).look())[0] is True
    assert (await timed(log, within_s=1000).look())[2]["matches"] == 3


async def test_lines_below_belong_to_the_one_above(tmp_path: Path) -> None:
    """Given traces of several lines, each line has the time of the one that began it."""
    log = tmp_path / "log"
    add(log, f"{stamp(500)} old", "  ERROR old trace", f"{stamp(5)} new", "  ERROR new trace")
    assert (await timed(log, at_most=5).look())[2] == {"matches": 1, "lines": 2}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"time_field": "at"}, lambda ago: json.dumps({"at": stamp(ago), "m": "ERROR"})),
        ({"time_field": "t.ms", "time_format": "epoch_ms"},
         lambda ago: json.dumps({"t": {"ms": int((time.time() - ago) * 1000)}, "m": "ERROR"})),
        ({"time_field": "t", "time_format": "epoch"},
         lambda ago: json.dumps({"t": time.time() - ago, "m": "ERROR"})),
        ({"time_pattern": r"\[(.*?)\]", "time_format": "%d/%b/%Y:%H:%M:%S %z"},
         lambda ago: f"1.2.3.4 - [{stamp(ago, '%d/%b/%Y:%H:%M:%S +0000')}] ERROR"),
        ({"time_pattern": r"^(\w+ +\d+ [\d:]+)", "time_format": "%b %d %H:%M:%S"},
         lambda ago: f"{stamp(ago, '%b %e %H:%M:%S')} host app: ERROR"),
        ({"time_pattern": r"^([\d-]+ [\d:,]+)"},
         lambda ago: f"{stamp(ago, '%Y-%m-%d %H:%M:%S')},123 ERROR"),
        ({"time_pattern": r"^(\S+)", "time_zone": "local"},
         lambda ago: f"{stamp(ago, 'local')} ERROR"),
    ],
)  # fmt: skip
async def test_times_are_written_in_many_ways(
    tmp_path: Path, options: dict[str, Any], line: Any
) -> None:
    """Given a form of time that is in use, a line of long ago and one of now are told apart."""
    log = tmp_path / "log"
    add(log, line(90_000), line(10))
    good, text, facts = await Following(log, at_most=1, **options).look()
    assert (good, facts) == (True, {"matches": 1, "lines": 1}), text


async def test_times_of_another_form_are_noticed(tmp_path: Path) -> None:
    """Given lines without a time as expected, nothing is known: a wrong pattern must not look good."""
    log = tmp_path / "log"
    add(log, "yesterday ERROR", "fine")
    good, text, _ = await timed(log).look()
    assert (good, "no line has a time as expected" in text) == (None, True)


async def test_more_than_can_be_read_is_not_covered(tmp_path: Path) -> None:
    """Given a window that reaches further back than what is read, few matches prove nothing, many do."""
    log = tmp_path / "log"
    add(log, f"{stamp(50)} ERROR", *[f"{stamp(5)} fine {'x' * 50}"] * 100)
    good, text, _ = await timed(log, max_bytes=1000).look()
    assert (good, "does not cover" in text) == (None, True)
    assert (await timed(log, max_bytes=100_000).look())[0] is False
    add(log, f"{stamp(1)} ERROR")
    assert (await timed(log, max_bytes=1000).look())[0] is False


@pytest.mark.parametrize("old_name", ["app.log.1", "app.log-20261121", "app-20261121.log"])
async def test_what_was_rotated_within_the_window_counts(tmp_path: Path, old_name: str) -> None:
    """Given a log that was rotated a moment ago, the file beside it is read as well."""
    log = tmp_path / "app.log"
    add(tmp_path / old_name, f"{stamp(500)} ERROR", f"{stamp(30)} ERROR")
    add(tmp_path / "apple.log", f"{stamp(5)} ERROR of another")
    add(log, f"{stamp(5)} ERROR")
    good, text, facts = await timed(log, at_most=9).look()
    assert (good, facts["matches"]) == (True, 2), text
    log.write_text("")
    assert (await timed(log, at_most=9).look())[2]["matches"] == 1


async def test_what_was_packed_within_the_window_is_not_known(tmp_path: Path) -> None:
    """Given a rotated file that is packed, and was written within the window, nothing good is known."""
    log = tmp_path / "log"
    add(log, f"{stamp(5)} fine")
    assert (await timed(log).look())[0] is True
    packed = tmp_path / "log.1.gz"
    packed.write_bytes(gzip.compress(b"who knows"))
    assert (await timed(log).look())[0] is None
    then = time.time() - LONG_AGO
    os.utime(packed, (then, then))
    assert (await timed(log).look())[0] is True


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"pattern": "(("},
        {"pattern": ""},
        {"pattern": "x" * 2000},
        {"time_pattern": "no group"},
        {"time_pattern": "(a", "time_field": ""},
        {"time_pattern": "(a)", "time_field": "b"},
        {"within_s": 0},
        {"time_zone": "Europe/Berlin"},
    ],
)
async def test_what_cannot_work_is_said(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Given options that can never work, nothing is run, and it says which."""
    good, text, facts = await Following(quiet(tmp_path / "log"), **wrong).look()
    assert (good, facts) == (None, {})
    assert text.startswith("bad options: ")
