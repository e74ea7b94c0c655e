"""A stub agent that behaves badly in one way: `python -S stub.py KIND FOLDER HOST-FOLDER PORT OTHER-AGENT`.

It works all the time (one line in `ticks` each time) and asks the real gate before each of its actions, as a client would
(one line in `calls`). What it tries against the halt it writes down too (one line in `tries`). Standard library only.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAUSE_S = 0.02
CALL_EVERY_S = 0.25
CALL: dict[str, Any] = {
    "session_id": "s-1", "cwd": "/", "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "touch made"},
}  # fmt: skip
GATE = Path(__file__).resolve().parents[2] / "src" / "allstop" / "gate" / "allstop-gate"
# A process that forgot where it came from and goes on working; with `hop` it is somebody else every few milliseconds.
STRAY = """
import os, sys, time
while True:
    with open(sys.argv[1], "a") as file:
        file.write(f"{time.monotonic()}\\n")
    time.sleep(0.02)
    if sys.argv[2] == "hop":
        if os.fork():
            os._exit(0)
        os.setsid()
"""


class Stub:
    """What every one of them can do. other: an agent it may try to speak for."""

    def __init__(self, kind: str, folder: Path, place: Path, port: int, other: str) -> None:
        self.kind, self.folder, self.place = kind, folder, place
        self.port, self.other = port, other
        self.name = folder.name

    def tick(self) -> None:
        self.note("ticks", time.monotonic())

    def note(self, file: str, said: Any) -> None:
        with (self.folder / file).open("a") as notes:
            notes.write(json.dumps(said) + "\n")

    def gated(self) -> bool:
        """Ask the gate, and act when it lets us. Returns whether it did."""
        before = time.monotonic()
        words = ["/bin/sh", str(GATE), "--runtime", "generic", "--state", str(self.place)]
        ran = subprocess.run(words, input=json.dumps(CALL).encode(), capture_output=True, check=False)  # fmt: skip
        self.note("calls", [before, ran.returncode])
        return ran.returncode == 0

    def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            head = {"Authorization": f"Bearer {(self.folder / 'token').read_text()}", "Content-Type": "application/json"}  # fmt: skip
            line.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, head)  # fmt: skip
            answer = line.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return 0, str(error)
        finally:
            line.close()

    def tries(self, what: str, accepted: bool) -> None:
        """accepted: whether somebody took it, which nobody may."""
        self.note("tries", [what, accepted])

    def halt(self) -> str:
        """The halt that stands, as the coordinator tells agents."""
        status, found = self.api("GET", "halts")
        return next((one["id"] for one in found if one["stands"]), "") if status == 200 else ""

    def knock(self, body: dict[str, Any]) -> bool:
        """Ask the host's door for something. Returns whether it was done."""
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError, ValueError):
            line.settimeout(5)
            line.connect(str(self.place / "host.sock"))
            line.sendall(json.dumps(body).encode() + b"\n")
            return bool(json.loads(line.makefile().readline())["ok"])
        return False

    def answer(self, agent: str) -> int:
        said = {"halt": self.halt(), "state": "stopped", "working_on": "nothing at all"}
        return self.api("POST", f"agents/{agent}/roll-call", said)[0]

    def stray(self, how: str) -> None:
        """A grandchild in a session of its own, without environment and without parent."""
        if os.fork():
            os.wait()
            return
        os.setsid()
        if os.fork():
            os._exit(0)
        words = [sys.executable, "-S", "-c", STRAY, str(self.folder / "ticks"), how]
        os.execve(sys.executable, words, {})


# --- what each does when it begins, all the time, and when its first call is refused ---


def lies(stub: Stub) -> None:
    stub.answer(stub.name)


def dies(_: Stub) -> None:
    os._exit(3)


def floods(stub: Stub) -> None:
    lines = "deny 1 HALT-1 claude s-1 Bash 1\n" * 200 + "x" * 20_000 + "\nfact 1 Stop claude\n"
    with contextlib.suppress(OSError), (stub.place / "spool" / "receipts").open("a") as spool:
        for _ in range(10):
            spool.write(lines)


def registers_again(stub: Stub) -> None:
    """As somebody whom another adapter reaches, and as a new agent with a child of its own."""
    options = {"halt_file": str(stub.folder / "mine"), "env_mark": "ALLSTOP_AGENT=nobody"}
    for name in (stub.name, f"{stub.name}-free"):
        body = {"agent": name, "name": name, "team": "free", "adapter": "agent-process", "options": options}  # fmt: skip
        stub.tries(f"registers {name}", stub.api("POST", "agents", body)[0] in (200, 201))
    child = os.fork()
    if child == 0:
        os.setsid()
        words = [sys.executable, "-S", "-c", STRAY, str(stub.folder / "ticks"), "stay"]
        os.execve(sys.executable, words, {})
    for name in (f"{stub.name}-free", stub.name):
        asked = {"do": "enter", "agent": name, "team": "free", "runtime": "", "worktree": "", "pid": child}  # fmt: skip
        stub.tries(f"enters as {name}", stub.knock(asked))
    os.kill(child, 9)
    os.waitpid(child, 0)


def escapes(stub: Stub) -> None:
    stub.stray("stay")


def hops(stub: Stub) -> None:
    stub.stray("hop")


def moves(stub: Stub) -> None:
    """Its work tree is somewhere else from now on."""
    Path.cwd().rename(stub.folder / f"work-{time.monotonic_ns()}")


def deletes(stub: Stub) -> None:
    for path in (stub.place / "agents" / stub.name / "halt", stub.place / "spool" / "receipts", stub.place / "state"):  # fmt: skip
        path.unlink(missing_ok=True)


def replays(stub: Stub) -> None:
    """Offers the door, and the coordinator as if it were a host, what was true before the halt."""
    for old in (stub.place.parent / "old-orders").glob("*.json"):
        envelope = json.loads(old.read_text())
        for word in ("order", "take", "lift", "halt-and-lift"):
            body = {"do": word, "envelope": envelope, "halt": stub.halt(), "statements": [envelope]}
            stub.tries(f"{word} by an old order", stub.knock(body))
    stub.tries("reads orders", stub.api("GET", "orders")[0] == 200)


def forges(stub: Stub) -> None:
    halt = stub.halt()
    text = json.dumps({"v": 1, "kind": "release", "halt": halt, "audience": "fleet", "at": "2020-01-01T00:00:00Z", "not_after": "2099-01-01T00:00:00Z"})  # fmt: skip
    for key in ("0" * 16, "ffffffffffffffff", "'; rm -rf /"):
        said = {"text": text, "key": key, "signature": "00" * 64}
        stub.tries(
            "lifts at the door", stub.knock({"do": "lift", "halt": halt, "statements": [said]})
        )
        body = {"because": "all is well", "statements": [said]}
        stub.tries("releases", stub.api("POST", f"halts/{halt}/release", body)[0] in (200, 201))
    acks: dict[str, Any] = {
        "seq": 999_999,
        "frozen": [{"agent": stub.name, "processes": 1, "evidence": "me"}],
    }
    stub.tries("reports as a host", stub.api("POST", "hosts/build-7/acks", acks)[0] == 200)


def answers_for_another(stub: Stub) -> None:
    stub.tries(f"answers for {stub.other}", stub.answer(stub.other) in (200, 201))


def nothing(_: Stub) -> None:
    pass


Deed = Callable[[Stub], None]
KINDS: dict[str, tuple[Deed, Deed, Deed]] = {
    "liar": (nothing, nothing, lies),
    "silent": (nothing, nothing, nothing),
    "flooder": (nothing, floods, nothing),
    "mortal": (nothing, nothing, dies),
    "registrar": (nothing, nothing, registers_again),
    "escaper": (escapes, nothing, nothing),
    "mover": (nothing, nothing, moves),
    "deleter": (nothing, nothing, deletes),
    "replayer": (nothing, nothing, replays),
    "forger": (nothing, nothing, forges),
    "impostor": (nothing, nothing, answers_for_another),
    "hopper": (hops, nothing, nothing),
}


def main(kind: str, folder: Path, place: Path, port: int, other: str) -> None:
    stub = Stub(kind, folder, place, port, other)
    first, always, refused = KINDS[kind]
    first(stub)
    called, ran = 0.0, True
    while True:
        stub.tick()
        if time.monotonic() - called > CALL_EVERY_S:
            called, before = time.monotonic(), ran
            always(stub)
            ran = stub.gated()
            if before and not ran:
                refused(stub)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
