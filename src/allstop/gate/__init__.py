"""The gate: one POSIX `sh` file that a client starts before each tool call, and the words it shares with the rest.

`allstop-gate` is the program, `state_file` writes and reads what it reads, `decision` says in Python what it decides.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

STATE_VERSION = 1


def gate_path() -> Path:
    """Where the gate lies in this installation, to be copied to where clients start it."""
    return Path(str(files(__name__).joinpath("allstop-gate")))
