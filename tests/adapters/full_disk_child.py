"""Fills a small disk and looks at what the store still does. python full_disk_child.py DB MODE"""

import asyncio
import sys
from pathlib import Path

from allstop import errors
from allstop.adapters.sqlite import SqliteStore
from allstop.application.ports import EffectState, Finish
from allstop.domain.effects import LANES, Lane
from allstop.testing.contracts.store_ground import NOW, draft, effect, writing


async def refused(store: SqliteStore, lane: Lane, name: str) -> bool:
    try:
        await store.write(lane, writing(draft(name, 1, "x" * 3000)))
    except errors.Unavailable as error:
        return "disk is full" in error.text and bool(error.hint)
    return False


def fill(path: Path) -> None:
    """Take what is left of the disk."""
    with path.open("ab", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


async def fill_up(store: SqliteStore, filler: Path, ballast: Path) -> int:
    """Until intake is refused; returns how many writes were kept."""
    dropped: list[object] = []
    store.on_dropped(dropped.extend)
    assert ballast.stat().st_size == 512 * 1024
    kept = 0
    while not await refused(store, Lane.INTAKE, f"plan/{kept}"):
        kept += 1
        if kept == 50:
            fill(filler)
    assert ballast.exists()
    assert dropped, "the author of a write that was applied but not kept is told"
    assert store.last_position() == kept
    return kept


async def main(db: Path, mode: str) -> None:
    filler, ballast = db.with_name("filler"), db.with_name("allstop.db.ballast")
    store = SqliteStore(db)
    await store.open("one")
    kept = await fill_up(store, filler, ballast)
    if mode == "start":
        await store.close()
        fill(filler)
        store = SqliteStore(db)
        await store.open("two")
    for version in range(1, 6):
        turn = writing(draft("halt/h", version), effects=(effect(f"h{version}", Lane.HALT),))
        await store.write(Lane.HALT, turn)
    assert not ballast.exists()
    assert await refused(store, Lane.INTAKE, "plan/late")
    await store.write(Lane.APPROVAL, writing(draft("incident/i", 1)))
    (claim, *_) = await store.claim([Lane.HALT], 5, NOW)
    finish = Finish(claim.token, EffectState.DONE, "stopped")
    await store.write(Lane.HALT, writing(draft("halt/h", 6), finish=finish))
    mixed = await asyncio.gather(
        *(store.write(lane, writing(draft(f"plan/m{lane}", 1))) for lane in LANES),
        return_exceptions=True,
    )
    assert [isinstance(each, errors.Unavailable) for each in mixed] == [False, False] + [True] * 3
    total = kept + 9
    assert store.last_position() == total
    if mode == "again":
        filler.unlink()
        assert not await refused(store, Lane.INTAKE, "plan/later")
        assert ballast.exists()
        total += 1
    await store.close()
    await store.open("three")
    assert store.last_position() == total
    await store.close()
    print("fine")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
