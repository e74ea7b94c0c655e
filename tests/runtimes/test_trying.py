"""A trial that is broken off leaves no client behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

TRIES = """
import sys
from pathlib import Path
from allstop.runtimes.trying import version_of
version_of((sys.argv[1],), Path(sys.argv[2]))
"""


def test_a_person_who_breaks_it_off_does_not_wait_for_the_client(tmp_path: Path) -> None:
    client, said = tmp_path / "client", tmp_path / "pid"
    client.write_text(f"#!/bin/sh\necho $$ > {said}.new && mv {said}.new {said}\nexec sleep 600\n")
    client.chmod(0o755)
    words = (sys.executable, "-c", TRIES, str(client), str(tmp_path))
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as trying:
        while not said.exists():
            assert trying.poll() is None
            time.sleep(0.02)
        trying.send_signal(signal.SIGINT)
        trying.wait(timeout=30)
    left = int(said.read_text())
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
