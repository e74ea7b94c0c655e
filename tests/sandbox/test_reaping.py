"""What a killed demo leaves behind is found and ended, and nothing else is."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from allstop.sandbox import reaping
from allstop.sandbox.layout import ENVIRONMENT_KEY, Layout, SandboxError, private_folder
from allstop.sandbox.order_book import check_order_book
from tests.sandbox.living import Living, eventually, start_up, wait_until_up

DRIVER = """
import sys, time
from allstop.sandbox import reaping
reaping.register(sys.argv[1])
print("registered", flush=True)
time.sleep(600)
"""


def start_driver(folder: Path) -> subprocess.Popen[str]:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout
    if driver.stdout.readline() != "registered\n":
        with driver:
            driver.kill()
        pytest.fail("the driver did not register; its error stands above")
    return driver


def marked_processes(folder: Path) -> set[int]:
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get(ENVIRONMENT_KEY) == str(folder):
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def measures(process: psutil.Process) -> bool:
    try:
        return "measurements.txt" in process.cmdline()[-1]
    except (psutil.Error, IndexError):
        return False


def test_a_killed_demo_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """Supervisor stopped, an agent stopped, a child in another session: all gone, folder too."""
    folder = tmp_path / "s"
    (tmp_path / "halts").mkdir()
    (tmp_path / "tokens.json").write_text("{}")
    with start_driver(folder) as driver, start_up(folder) as supervisor:
        try:
            wait_until_up(folder)
            living = Living(folder)
            living.control.start_agents(
                "http://127.0.0.1:9", tmp_path / "tokens.json", tmp_path / "halts"
            )
            layout = Layout.of(folder)
            measurements = layout.worktree("tester-1") / "measurements.txt"
            eventually(measurements.exists, "the child in its own session works")
            eventually(layout.pid_file("builder-1").exists, "builder-1 says who it is")
            assert reaping.reap_stale() == [], "its driver lives"
            os.kill(int(layout.pid_file("builder-1").read_text()), signal.SIGSTOP)
            tester = psutil.Process(int(layout.pid_file("tester-1").read_text()))
            (orphan,) = [child for child in tester.children() if measures(child)]
            assert os.getsid(orphan.pid) != os.getsid(tester.pid)
            # Without its parent the child in the other session is nobody's descendant.
            tester.kill()
            os.kill(supervisor.pid, signal.SIGSTOP)
            assert len(marked_processes(folder)) >= 12
            driver.kill()
            driver.wait(5)

            (reaped,) = reaping.reap_stale()

            assert reaped.folder == folder
            assert {supervisor.pid, orphan.pid} <= {*reaped.ended}
            eventually(lambda: not marked_processes(folder), "nothing of it lives")
            assert reaped.removed
            assert not folder.exists()
            assert reaping.reap_stale() == []
        finally:
            driver.kill()
            reaping.end_processes(folder)


def test_a_recycled_pid_is_never_hit(tmp_path: Path) -> None:
    """A process with a recorded pid but another start time is somebody else."""
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander,
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as recorded,
    ):
        try:
            reaping.register(tmp_path / "s")
            reaping.add_process(tmp_path / "s", recorded.pid)
            (entry_file,) = private_folder().glob("*.json")
            entry = json.loads(entry_file.read_text())
            now = reaping.identity(bystander.pid)
            boot, ticks = now["birth"].split()
            entry["extra"] += [
                {"pid": bystander.pid, "create_time": now["create_time"] - 1000},
                now | {"birth": f"{boot} {int(ticks) - 1}"},
                now | {"birth": f"another-boot {ticks}"},
            ]
            driver_gone = {"create_time": entry["create_time"] - 1000, "birth": None}
            entry_file.write_text(json.dumps(entry | driver_gone))

            (reaped,) = reaping.reap_stale()

            assert reaped.ended == (recorded.pid,)
            assert recorded.wait(5) == -signal.SIGKILL
            assert bystander.poll() is None
        finally:
            bystander.kill()
            recorded.kill()


@pytest.mark.parametrize(("keep", "filled"), [(True, False), (False, True)])
def test_a_kept_or_foreign_folder_stays(tmp_path: Path, keep: bool, filled: bool) -> None:
    """Only a folder made for the sandbox is removed, and only if nobody wants to keep it."""
    folder = tmp_path / "s"
    folder.mkdir()
    if filled:
        (folder / "thesis.txt").write_text("years of work")
    with start_registered(folder, keep) as driver:
        driver.kill()
        driver.wait(5)

    (reaped,) = reaping.reap_stale()

    assert not reaped.removed
    assert folder.exists()


def start_registered(folder: Path, keep: bool) -> subprocess.Popen[bytes]:
    driver = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    reaping.register(folder, keep=keep, pid=driver.pid)
    return driver


def test_a_sandbox_whose_supervisor_was_killed_comes_up_again(tmp_path: Path) -> None:
    """`up` clears what is left in its folder, keeps ports and data, and refuses a second.

    The folder's path is too long for a Unix socket here, so the control socket lies elsewhere.
    """
    folder = tmp_path / ("long-" * 20) / "s"
    try:
        with start_up(folder) as first:
            wait_until_up(folder)
            ports = Living(folder).record["ports"]
            Living(folder).wait_for_sales(3)
            with start_up(folder) as second:
                assert second.wait(10) == 1
            first.kill()
            first.wait(5)
        started = time.time()
        with start_up(folder) as again:
            eventually(
                lambda: _made_after(Layout.of(folder).record, started), "it is up again", 20.0
            )
            living = Living(folder)
            assert living.record["ports"] == ports
            assert Path(living.record["control"]).parent == private_folder()
            living.wait_for_sales(3)
            assert living.control.down()["down"] == str(folder)
            assert again.wait(10) == 0
        with pytest.raises(SandboxError, match="no sandbox is up"):
            living.control.status()
        book = check_order_book(folder)
        assert book.acknowledged >= 6
        assert book.balances, "what the killed one sold is there too"
    finally:
        reaping.end_processes(folder)
        reaping.unregister(folder)


def _made_after(path: Path, moment: float) -> bool:
    return path.exists() and path.stat().st_mtime > moment
