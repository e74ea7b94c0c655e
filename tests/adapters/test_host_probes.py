"""The probes of the coordinator's own machine: disk, memory, cpu, file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.cpu_probe import CpuProbe
from allstop.adapters.disk_probe import DiskProbe
from allstop.adapters.file_probe import FileProbe
from allstop.adapters.memory_probe import MemoryProbe
from allstop.application.ports import Probe
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters.process_worlds import spawned

Seen = tuple[bool | None, str, dict[str, Any]]


async def seen(probe: Probe, timeout_ms: int = 3000, **options: Any) -> Seen:
    sample, facts = await probe.measure("p", options, timeout_ms)
    return sample.good, sample.text, facts


# --- disk -----------------------------------------------------------------------------------------


class TestDisk(ProbeContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ProbeCase:
        place = {"path": str(tmp_path)}
        return ProbeCase(
            DiskProbe(),
            good={**place, "free_bytes": 1, "free_percent": 0, "free_inodes_percent": 0},
            bad={**place, "free_bytes": 2**60},
            silent={"path": str(tmp_path / "none"), "free_bytes": 1},
            impossible={"path": "a\0b", "free_bytes": 1},
            absent={"path": str(tmp_path / "none"), "free_bytes": 1},
            garbage=({"path": "/proc", "free_percent": 1},),
            look=lambda: sorted(tmp_path.iterdir()),
        )


async def test_room_is_counted_as_df_does(tmp_path: Path) -> None:
    """Given a disk, what is reserved for root is not free, and the figures are whole numbers."""
    good, text, facts = await seen(DiskProbe(), path=str(tmp_path), free_percent=0)
    usage = psutil.disk_usage(str(tmp_path))
    assert good is True
    assert abs(facts["free_bytes"] - usage.free) < usage.total // 20
    assert abs(facts["free_percent"] - (100 - usage.percent)) < 6
    assert facts["read_only"] is False
    assert f"{facts['free_percent']} %" in text
    assert (await seen(DiskProbe(), path=str(tmp_path), free_percent=100))[0] is False


async def test_an_unmounted_disk_is_not_the_one_below(tmp_path: Path) -> None:
    """Given a folder where nothing is mounted, the disk that holds the folder is not taken for it."""
    wanted = {"free_percent": 0, "mount_point": True}
    good, text, _ = await seen(DiskProbe(), path=str(tmp_path), **wanted)
    assert (good, text) == (False, "nothing is mounted there")
    assert (await seen(DiskProbe(), path="/", **wanted))[0] is True


async def test_a_disk_probe_must_ask_something(tmp_path: Path) -> None:
    """Given no limit at all, it cannot run: it would always be good."""
    assert (await seen(DiskProbe(), path=str(tmp_path)))[0] is None


# --- memory ---------------------------------------------------------------------------------------


class TestMemory(ProbeContract):
    @pytest.fixture
    def case(self) -> ProbeCase:
        return ProbeCase(
            MemoryProbe(),
            good={"available_percent": 0, "available_bytes": 1},
            bad={"available_bytes": 2**60},
            silent={"available_bytes": 2**60},
            impossible={"available_percent": 101},
        )


async def test_memory_is_what_the_kernel_calls_available() -> None:
    """Given the machine, the facts are the kernel's own figures, as whole numbers."""
    good, _, facts = await seen(MemoryProbe(), available_percent=0)
    memory = psutil.virtual_memory()
    assert good is True
    assert facts["total_bytes"] == memory.total
    assert 0 < facts["available_bytes"] <= memory.total
    assert facts["available_percent"] == facts["available_bytes"] * 100 // memory.total
    assert (await seen(MemoryProbe(), available_percent=100))[0] is False


# --- cpu ------------------------------------------------------------------------------------------


class TestCpu(ProbeContract):
    @pytest.fixture
    def case(self) -> ProbeCase:
        return ProbeCase(
            CpuProbe(),
            good={"load_at_most": 10_000, "over_ms": 100},
            bad={"busy_percent_at_most": 0, "load_at_most": 0, "over_ms": 400},
            silent={"load_at_most": 10_000, "over_ms": 5000},
            impossible={"load_at_most": "a lot"},
        )

    @pytest.fixture(autouse=True)
    def _busy(self) -> Any:
        """Somebody is always at work here."""
        worker = subprocess.Popen(["sh", "-c", "while :; do :; done"])
        yield
        worker.kill()
        worker.wait(10)


async def test_load_is_counted_for_each_core() -> None:
    """Given more workers than cores, the load of a core is above one, and its share of time is not."""
    cores = os.cpu_count() or 1
    workers = [spawned(["sh", "-c", "while :; do :; done"]) for _ in range(3 * cores)]
    try:
        good, text, facts = await seen(CpuProbe(), load_at_most="1.5", over_ms=400)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait(10)
    assert good is False, text
    assert float(facts["load_per_core"]) > 1.5
    assert 0 < facts["busy_percent"] <= 100
    assert facts["cores"] == cores
    assert "more than 1.5" in text


# --- file -----------------------------------------------------------------------------------------


class TestFile(ProbeContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ProbeCase:
        file, pipe = tmp_path / "file", tmp_path / "pipe"
        file.write_text("content")
        os.mkfifo(pipe)
        digest = hashlib.sha256(b"content").hexdigest()
        return ProbeCase(
            FileProbe(),
            good={"path": str(file), "max_age_s": 3600, "min_bytes": 7, "sha256": digest.upper()},
            bad={"path": str(file), "min_bytes": 8},
            silent={"path": str(pipe), "sha256": digest},
            impossible={"path": str(file), "sha256": "12"},
            absent={"path": str(tmp_path / "none")},
            garbage=({"path": str(tmp_path), "min_bytes": 0},),
            look=lambda: sorted(tmp_path.iterdir()),
        )


async def test_a_file_is_judged_by_age_size_and_content(tmp_path: Path) -> None:
    """Given an old file, each expectation is judged, and what was seen is said."""
    file = tmp_path / "file"
    file.write_text("content")
    then = time.time() - 100
    os.utime(file, (then, then))
    path = str(file)
    good, text, facts = await seen(FileProbe(), path=path, max_age_s=50)
    assert good is False
    assert "s old, not 50s" in text
    assert facts["bytes"] == 7
    assert facts["age_s"] >= 100
    assert (await seen(FileProbe(), path=path, max_age_s=5000))[0] is True
    good, text, _ = await seen(FileProbe(), path=path, sha256="0" * 64)
    assert (good, "its content is another: ed7002b439e9" in text) == (False, True)
    assert (await seen(FileProbe(), path=path, expect="absent"))[0] is False


async def test_a_file_from_the_future_is_not_fresh(tmp_path: Path) -> None:
    """Given a time that lies ahead, which would be fresh for ever, nothing is known."""
    file = tmp_path / "file"
    file.write_text("content")
    os.utime(file, (time.time() + 7200,) * 2)
    good, text, _ = await seen(FileProbe(), path=str(file), max_age_s=60)
    assert (good, "s ahead" in text) == (None, True)


async def test_absence_needs_a_folder_to_be_absent_from(tmp_path: Path) -> None:
    """Given a folder that is not there, perhaps not mounted, absence proves nothing; a dangling link is there."""
    assert (await seen(FileProbe(), path=str(tmp_path / "x"), expect="absent"))[0] is True
    assert (await seen(FileProbe(), path=str(tmp_path / "no" / "x"), expect="absent"))[0] is None
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert (await seen(FileProbe(), path=str(tmp_path / "link"), expect="absent"))[0] is False
    assert (await seen(FileProbe(), path=str(tmp_path / "link")))[0] is False
    odd: dict[str, Any] = {"path": str(tmp_path / "x"), "expect": "absent", "min_bytes": 1}
    assert (await seen(FileProbe(), **odd))[0] is None


async def test_what_cannot_be_read_in_time_proves_nothing(tmp_path: Path) -> None:
    """Given more bytes than the time-out allows for, nothing is claimed of them."""
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(200_000_000_000)
    good, text, _ = await seen(FileProbe(), 300, path=str(file), sha256="0" * 64)
    assert (good, text) == (None, "not read within 0.3s")
    assert (await seen(FileProbe(), path="a\0b"))[0] is None
    assert (await seen(FileProbe(), path=str(file / "below")))[0] is None
