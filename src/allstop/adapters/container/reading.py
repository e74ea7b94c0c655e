"""What is kept as evidence: logs, and a description without the values of the environment."""

from __future__ import annotations

import json
from typing import Any

from allstop.adapters.container.engine import Engine, EngineError, Seen
from allstop.adapters.container.options import LogsOptions
from allstop.application.ports import BlobSink
from allstop.domain.effects import Outcome, done

_HEAD = 8


async def logs(engine: Engine, seen: Seen, options: LogsOptions, keep: BlobSink) -> Outcome:
    """The end of its logs. Raises EngineError."""
    words = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": str(options.lines)}
    answer = await engine.call("GET", f"/containers/{seen.id}/logs", words)
    if answer.status != 200:
        raise EngineError(answer.said(), passing=answer.status >= 500)
    body = (answer.body if seen.tty else joined(answer.body))[-options.max_bytes :]
    evidence = keep(body) if body else ""
    more = ", more was there" if answer.cut else ""
    return done(f"{len(body)} bytes kept{more}", seen.facts(), evidence)


def joined(stream: bytes) -> bytes:
    """What stands in the frames of a log: stream (1 byte), three zeros, length (4 bytes), text.

    Raises EngineError for what has no frames. The last one may be cut off.
    """
    found, at = bytearray(), 0
    while at < len(stream):
        head = stream[at : at + _HEAD]
        if head[0] > 2 or any(head[1:4]):
            raise EngineError("the engine's logs make no sense", passing=False)
        if len(head) < _HEAD:
            break
        length = int.from_bytes(head[4:], "big")
        found += stream[at + _HEAD : at + _HEAD + length]
        at += _HEAD + length
    return bytes(found)


def described(seen: Seen, keep: BlobSink) -> Outcome:
    """The engine's description of it; of its environment only the names, for the values are secrets."""
    whole: dict[str, Any] = {**seen.whole}
    config = {**whole.get("Config", {})}
    lines = config.get("Env")
    names = [str(one).partition("=")[0] for one in lines] if isinstance(lines, list) else []
    whole["Config"] = {**config, "Env": names}
    body = json.dumps(whole, indent=1, sort_keys=True, default=str).encode()
    return done(f"{seen.status}, {len(body)} bytes kept", seen.facts(), keep(body))
