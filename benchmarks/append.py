"""How fast the store makes one event durable, against SQLite's own rate in the same run.

    python benchmarks/append.py [--json] [--rounds 5] [--count 1000] [--dir PATH]

raw: one row of the same size per commit in a plain loop, WAL and synchronous=FULL. store: one
event (canonical JSON, hash link) and one outbox row per turn; `store N`: N writers at a time.
Rounds are interleaved, so a noisy neighbour hits all alike; the ratio is taken within a round.
"""

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from allstop.adapters.sqlite import SqliteStore
from allstop.application.codec import canonical
from allstop.application.ports import Write
from allstop.domain.effects import Effect, Lane, Purpose
from allstop.domain.halt.events import RollCallAnswered
from allstop.domain.record import Record

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
EVENT = RollCallAnswered("agent-7", "parked", "x" * 200, "c0ffee" * 6, "feature/branch", True)
WRITERS = (1, 16, 64)


def raw(path, count):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE plain (id INTEGER PRIMARY KEY, body TEXT)")
    body = "x" * 600
    start = time.perf_counter()
    for _ in range(count):
        connection.execute("INSERT INTO plain (body) VALUES (?)", (body,))
    rate = count / (time.perf_counter() - start)
    connection.close()
    return rate


def turn_for(stream, version):
    def turn(_view):
        record = Record(
            0, stream, version, "roll_call.answered", 1, AT, "agent:agent-7", "req-1", EVENT
        )
        effect = Effect(
            f"{stream}/{version}/0", stream, Purpose.CONFIRM, "agent-7", "git", "observe",
            "agent-7", {"branch": "feature/branch"}, Lane.HALT, 5000, 1,
        )  # fmt: skip
        return Write(records=(record,), bodies=(canonical(EVENT),), effects=(effect,))

    return turn


async def ours(path, count, writers):
    store = SqliteStore(path)
    await store.open("bench")
    waits = []

    async def writer(name):
        for version in range(1, count // writers + 1):
            begun = time.perf_counter()
            await store.write(Lane.COMMAND, turn_for(f"halt/{name}", version))
            waits.append(time.perf_counter() - begun)

    start = time.perf_counter()
    await asyncio.gather(*(writer(name) for name in range(writers)))
    rate = len(waits) / (time.perf_counter() - start)
    await store.close()
    waits.sort()
    return rate, waits[len(waits) // 2], waits[len(waits) * 99 // 100]


def measure(args):
    rounds = []
    for _ in range(args.rounds):
        row = {}
        with tempfile.TemporaryDirectory(dir=args.dir) as folder:
            row["raw"] = (raw(Path(folder) / "raw.db", args.count), 0, 0)
        for writers in WRITERS:
            with tempfile.TemporaryDirectory(dir=args.dir) as folder:
                count = args.count * (1 if writers == 1 else 4)
                row[f"store {writers}"] = asyncio.run(ours(Path(folder) / "a.db", count, writers))
        rounds.append(row)
    return rounds


def summary(rounds):
    out = {}
    for name in rounds[0]:
        rates = [row[name][0] for row in rounds]
        out[name] = {
            "per_second": round(statistics.median(rates)),
            "lowest": round(min(rates)),
            "highest": round(max(rates)),
            "ratio_to_raw": round(statistics.median(r[name][0] / r["raw"][0] for r in rounds), 2),
            "p50_ms": round(statistics.median(row[name][1] for row in rounds) * 1000, 2),
            "p99_ms": round(statistics.median(row[name][2] for row in rounds) * 1000, 2),
        }
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--dir", help="where the databases go; the disk decides the figures")
    args = parser.parse_args()
    figures = summary(measure(args))
    if args.json:
        about = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
                 "cpus": os.cpu_count(), "rounds": args.rounds, "count": args.count}  # fmt: skip
        print(json.dumps({"about": about, "figures": figures}, indent=2))
        return
    print(
        f"{'':10}{'events/s':>10}{'lowest':>10}{'highest':>10}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}"
    )
    for name, row in figures.items():
        cells = (row["per_second"], row["lowest"], row["highest"])
        print(f"{name:10}" + "".join(f"{cell:>10,}" for cell in cells)
              + f"{row['ratio_to_raw']:>8}{row['p50_ms']:>9}{row['p99_ms']:>9}")  # fmt: skip


if __name__ == "__main__":
    main()
