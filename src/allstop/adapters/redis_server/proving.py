"""Proof of a snapshot: the file is whole, it can be read, and a server that loads it has all the keys."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from allstop.adapters.mechanisms.programs import Finished, StartError, run
from allstop.adapters.mechanisms.text import last_line, one_line
from allstop.adapters.redis_server.keeping import DISKS
from allstop.adapters.redis_server.resp import (
    LoginOptions,
    Lost,
    Nonsense,
    Refusal,
    Unreachable,
    line,
)
from allstop.adapters.redis_server.server import Attempt, Info, Refused, Verb, read_info
from allstop.adapters.redis_server.snapshots import (
    FolderOptions,
    Proof,
    Snapshot,
    newest,
    sha256_of,
)
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar

_PAUSE_S = 0.05
# To be killed takes a moment; its folder must not go before it.
_ENDING_S = 5
_MEGABYTE = 1_000_000


class ProvingOptions(FolderOptions):
    """Which server's newest snapshot is to be proven, and with what."""

    check_program: str = Field(
        default="redis-check-rdb",
        min_length=1,
        title="Checker",
        description="Program that reads a dump and says whether it is whole.",
    )
    server_program: str = Field(
        default="redis-server",
        title="Server",
        description="Program that loads the dump, in a folder of its own, on no port; empty: none does.",
    )
    load_most_mb: int = Field(
        default=2000,
        ge=0,
        title="Largest load",
        description="Megabytes of the dump above which it is not loaded, for want of memory here.",
    )


async def _verify(attempt: Attempt) -> Outcome:
    options: ProvingOptions = attempt.options
    folder, left = Path(options.folder), attempt.deadline.left_ms
    snapshot = await DISKS.run(lambda: newest(folder, options.place), left())
    try:
        loaded, how = await _proven(attempt, snapshot)
        proven, because = True, how
    except Refused as error:
        loaded, proven, because = None, False, one_line(str(error))
    sha256 = snapshot.manifest.sha256
    proof = Proof(attempt.effect.id, datetime.now(UTC).isoformat(), sha256, proven, loaded, because)
    await DISKS.run(lambda: snapshot.write_proof(proof), left())
    facts: dict[str, Scalar] = {
        "snapshot": snapshot.name,
        "copy": snapshot.name,
        "sha256": sha256,
        "keys": snapshot.manifest.keys_most,
        "loaded": loaded is not None,
        "age_seconds": snapshot.age_s(datetime.now(UTC)),
    }
    text = one_line(f"{snapshot.name}: {because}")
    return done(text, facts) if proven else failed(text, facts)


async def _proven(attempt: Attempt, snapshot: Snapshot) -> tuple[int | None, str]:
    """Keys that were loaded (None: not loaded), and what was seen. Raises Refused when it is no good."""
    options: ProvingOptions = attempt.options
    said = snapshot.manifest
    try:
        sha256 = await DISKS.run(
            lambda: sha256_of(snapshot.copy, attempt.deadline), attempt.deadline.left_ms()
        )
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
        raise Refused(f"it cannot be read: {error.strerror}") from None
    if sha256 != said.sha256:
        raise Refused("it is not the file that was copied: its SHA-256 differs")
    await _checked(attempt, [options.check_program, str(snapshot.copy)])
    if not options.server_program or said.bytes > options.load_most_mb * _MEGABYTE:
        why = "larger than load_most_mb" if options.server_program else "no server_program"
        return None, f"whole and readable; not loaded: {why}"
    if shutil.which(options.server_program) is None:
        return None, f"whole and readable; not loaded: {options.server_program} is not installed"
    info = await _loaded(attempt, snapshot)
    # Keys whose time was over are left out by the load, and were counted before.
    keys = info.keys + info.number("rdb_last_load_keys_expired", 0)
    if not said.keys_least <= keys <= said.keys_most:
        raise Refused(f"a server that loaded it has {keys} keys, not {said.keys_most}")
    return keys, f"whole, readable, and loaded: {keys} keys, as there were"


async def _checked(attempt: Attempt, argv: Sequence[str]) -> None:
    """Have the checker read the dump. Raises Refused, TimeoutError."""
    try:
        ended = await run(argv, timeout_ms=attempt.deadline.left_ms())
    except StartError as error:
        raise Refused(str(error)) from None
    if ended.code is None:
        raise TimeoutError("the checker did not end in time")
    if ended.code != 0 or b"RDB looks OK" not in ended.output:
        raise Refused(f"the checker says: {last_line(ended.output) or last_line(ended.errors)}")


async def _loaded(attempt: Attempt, snapshot: Snapshot) -> Info:
    """What a server says that has loaded the dump; it is gone afterwards. Raises Refused, TimeoutError."""
    # A short path: that of a socket may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="allstop-") as folder:
        (Path(folder) / "dump.rdb").symlink_to(snapshot.copy.resolve())
        server = asyncio.ensure_future(
            run(_argv(attempt.options, folder), cwd=folder, timeout_ms=attempt.deadline.left_ms())
        )
        try:
            return await _when_ready(attempt, server, LoginOptions(host=f"{folder}/s"))
        finally:
            server.cancel()
            await asyncio.wait({server}, timeout=_ENDING_S)


def _argv(options: ProvingOptions, folder: str) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": f"{folder}/s",
        "unixsocketperm": "600",
        "dir": folder,
        "dbfilename": "dump.rdb",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "logfile": "",
    }
    parts = (word for name, value in settings.items() for word in (f"--{name}", value))
    return [options.server_program, *parts]


async def _when_ready(
    attempt: Attempt, server: asyncio.Future[Finished], login: LoginOptions
) -> Info:
    while True:
        if server.done():
            raise Refused(_died(server))
        try:
            async with line(login, attempt.deadline) as opened:
                info = await read_info(opened)
                if not info.is_loading:
                    return info
        except (Unreachable, Refusal, Lost, Nonsense):
            pass  # it has not come up yet
        if attempt.deadline.passed():
            raise TimeoutError("the dump was not loaded in time")
        await asyncio.sleep(_PAUSE_S)


def _died(server: asyncio.Future[Finished]) -> str:
    try:
        ended = server.result()
    except StartError as error:
        return str(error)
    if ended.code is None:
        raise TimeoutError("the dump was not loaded in time")
    return f"a server that loads it gives up: {last_line(ended.output) or last_line(ended.errors)}"


async def _seen(attempt: Attempt) -> Outcome:
    options: ProvingOptions = attempt.options
    folder = Path(options.folder)

    def look() -> Outcome:
        snapshot = newest(folder, options.place)
        proof = snapshot.proof()
        if (
            proof is None
            or proof.key != attempt.effect.id
            or proof.sha256 != snapshot.manifest.sha256
        ):
            return failed(f"no check of {snapshot.name} by this order")
        return done(one_line(proof.because)) if proof.proven else failed(one_line(proof.because))

    return await DISKS.run(look, attempt.deadline.left_ms())


VERBS = {"verify-snapshot": Verb(_verify, _seen)}
