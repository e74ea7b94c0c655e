"""Inside a machine of one's own: a session of Claude Code that runs while its tools are denied, and what it could still do."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from allstop.runtimes import RUNTIMES
from allstop.runtimes.runtime import Trial
from allstop.runtimes.trying import try_client

CALLS = 40


def main(program: str) -> None:
    """Prints which of its calls ran."""
    claude = RUNTIMES["claude"]
    # As after an installation: a session looks for new settings where there was a folder when it began.
    Path("/etc/claude-code/managed-settings.d").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        home, work = Path(name) / "home", Path(name) / "work"
        home.mkdir()
        work.mkdir()

        def deny() -> None:
            while not (work / "made-3").exists():
                time.sleep(0.05)
            words = ("agents", "deny", "--runtime", "claude", "--yes")
            subprocess.run((sys.executable, "-m", "allstop", *words), check=True, stdout=sys.stderr)

        denying = threading.Thread(target=deny, daemon=True)
        denying.start()
        calls = tuple(claude.run(f"sleep 0.5; touch made-{one}") for one in range(1, CALLS + 1))
        tried = try_client(claude, (program,), Trial(home, work, "", None), calls)
        denying.join()
        made = sorted(int(path.name.rpartition("-")[2]) for path in work.glob("made-*"))
        print(json.dumps([{"made": made, "turns": tried.turns}]))


if __name__ == "__main__":
    main(sys.argv[1])
