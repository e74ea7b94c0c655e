"""A coordinator's store in a process of its own, for crash tests: says what was acknowledged.

python store_child.py DB MODE        MODE: append | claim | limited
"""

import asyncio
import os
import resource
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from allstop.adapters.crash_points import ProcessCrashPoints
from allstop.adapters.sqlite import SqliteStore
from allstop.domain.effects import LANES, Lane
from allstop.testing.contracts.store_ground import draft, effect, writing

FAR = datetime(2030, 1, 1, tzinfo=UTC)


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def writer(store: SqliteStore, name: str) -> None:
    version = len(store.records(stream=name, limit=1_000_000))
    while True:
        version += 1
        id = f"{name}/{version}"
        turn = writing(draft(name, version), effects=(effect(id, LANES[version % 5], name),))
        committed = await store.write(Lane.COMMAND, turn)
        say("ack", committed.records[0].position, committed.records[0].hash)


async def claimer(store: SqliteStore) -> None:
    while True:
        for claim in await store.claim(LANES, 3, FAR):
            say("claim", claim.effect.id)
        await asyncio.sleep(0.001)


async def main(path: Path, mode: str) -> None:
    store = SqliteStore(path, crash=ProcessCrashPoints())
    await store.open(f"pid{os.getpid()}")
    say("open")
    if mode == "limited":
        # The kernel refuses every write beyond this size: a disk that reports errors.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        most = path.with_name(path.name + "-wal").stat().st_size + 200_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    writers = [writer(store, f"plan/{n}") for n in range(4)]
    await asyncio.gather(*writers, *([claimer(store)] if mode == "claim" else []))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
