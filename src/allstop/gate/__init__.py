"""The gate: one POSIX `sh` file that a client starts before each tool call, and the words it shares with the rest.

`allstop-gate` is the program, `state_file` writes and reads what it reads, `decision` says in Python what it decides.
"""

from __future__ import annotations

from pathlib import Path

STATE_VERSION = 1


def gate_path() -> Path:
    """Where the gate lies in this installation, to be copied to where clients start it."""
    # Imported here: programs that only read the state file have no use for it, and it takes longer than all else here.
    from importlib.resources import files  # noqa: PLC0415 - said above

    return Path(str(files(__name__).joinpath("allstop-gate")))
