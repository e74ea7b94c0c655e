"""Runs a program and writes into a journal that it began and how it ended: `keep_journal.py JOURNAL PROGRAM ...`.

This is the outside witness: it knows nothing of the log, and it goes on when the coordinator is killed.
"""

import json
import os
import subprocess
import sys
import time


def note(file: str, phase: str, **more: object) -> None:
    """One line in one write, so that two programs at once cannot mix theirs."""
    line = {
        "run": os.getpid(),
        "key": os.environ.get("ALLSTOP_KEY", ""),
        "epoch": int(os.environ.get("ALLSTOP_EPOCH", "-1")),
        "target": os.environ.get("ALLSTOP_TARGET", ""),
        "at": time.time(),
        "phase": phase,
    }
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, (json.dumps(line | more) + "\n").encode())
    finally:
        os.close(handle)


def main(file: str, program: list[str]) -> int:
    note(file, "start")
    code = subprocess.run(program, check=False).returncode
    note(file, "end", code=code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
