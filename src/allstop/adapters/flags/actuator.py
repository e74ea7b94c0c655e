"""Actuator `flag-file`: kills a feature by its flag. Off is latched; only a newer order lifts it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from allstop.adapters.flags.document import (
    Damaged,
    Flag,
    Place,
    is_on,
    missing,
    place_of,
    read_document,
    write_document,
)
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import locked
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.order_file import NewerOrder
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown
from allstop.domain.policy.tables import Scalar

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_DISKS = ThreadPool("flags", 8)


class FlagOptions(Options):
    """Which flag."""

    path: str = Field(
        min_length=1,
        title="Path",
        description="File with flags, or folder with a file NAME.json for each.",
    )
    flag: str = Field(pattern=NAME, title="Flag", description="Its name, exactly.")
    reason: str = Field(
        default="",
        title="Reason",
        description="Why, for people who read the file; empty: the order's id.",
    )
    create: bool = Field(
        default=False,
        title="Create",
        description="true: `off` makes a flag that does not exist, so that it is off whatever comes later. Without it, a name that does not exist is a mistake.",
    )


class Refused(Exception):
    """It will not be done, and nothing has changed; the text says why."""


class FlagFile:
    """See `info`."""

    info = AdapterInfo(
        name="flag-file",
        summary="Kills features by flags in JSON files, and lets them back by a newer order.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "off",
                "Turns a flag off and keeps it off until a newer order turns it on.",
                Repeat.REPEATABLE,
                FlagOptions,
                "on",
            ),
            VerbInfo(
                "on",
                "Turns a flag on, unless the order that turned it off is as new.",
                Repeat.REPEATABLE,
                FlagOptions,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Set the flag and read it back as an application would."""
        change = _changing(effect)
        if isinstance(change, str):
            return failed(change)
        return await change.settled(change.carry_out)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the flag stands as an order of this number left it."""
        change = _changing(effect)
        if isinstance(change, str):
            return failed(change)
        return await change.settled(change.look)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the flag is there and could be written, without writing it."""
        chosen = read_options(FlagOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            return await _DISKS.run(lambda: _reach(chosen), timeout_ms)
        except TimeoutError:
            return unknown(f"no end within {seconds(timeout_ms)}")


def _changing(effect: Effect) -> _Change | str:
    if effect.verb not in ("on", "off"):
        return f"no verb {effect.verb}"
    options = read_options(FlagOptions, effect.options)
    if isinstance(options, str):
        return options
    return _Change(effect, options, Deadline.within(effect.timeout_ms))


@dataclass
class _Change:
    """One attempt. begun: the file may have been written."""

    effect: Effect
    options: FlagOptions
    deadline: Deadline
    begun: bool = False

    async def settled(self, work: Callable[[], Outcome]) -> Outcome:
        """The outcome of blocking work: what it returns, or what its error means."""
        try:
            return await _DISKS.by(self.deadline, work)
        except (Refused, NewerOrder, Damaged) as error:
            return failed(one_line(str(error)))
        except TimeoutError as error:
            text = one_line(str(error)) or f"no end within {seconds(self.effect.timeout_ms)}"
            return unknown(f"{text}; it may still take effect") if self.begun else retry(text)
        except OSError as error:
            return failed(one_line(str(error)))

    @property
    def wants_on(self) -> bool:
        return self.effect.verb == "on"

    # --- in a thread ---------------------------------------------------------------------

    def carry_out(self) -> Outcome:
        place = place_of(self.options.path, self.options.flag)
        if not place.file.parent.is_dir():
            raise Refused(f"no folder {place.file.parent}")
        if not place.file.exists():
            self._may_make(place, place.empty, damaged=False)  # before a lock file is made there
        elif not place.file.is_file():
            raise Refused(f"{place.file} is no ordinary file")  # a device must not be replaced
        with locked(place.file, self.deadline):
            document, damaged = self._document(place)
            record = place.records(document).get(place.name)
            if place.name not in place.records(document):
                self._may_make(place, document, damaged=damaged)
            elif self._stands(self._standing(record)):
                return self._read_back(place)
            if self.deadline.passed():  # whoever asked has gone: this may not happen any more
                raise TimeoutError("the file did not answer in time")
            self.begun = True
            if damaged:
                _beside(place.file).hardlink_to(place.file)
            kept = record if isinstance(record, dict) else {}
            write_document(place, place.with_record(document, {**kept, **self._flag().fields()}))
            return self._read_back(place, "; the damaged file lies beside it" if damaged else "")

    def _document(self, place: Place) -> tuple[dict[str, Any], bool]:
        """What the file holds, and whether that is nothing because it makes no sense. Raises Damaged."""
        try:
            return read_document(place), False
        except FileNotFoundError:
            return place.empty, False
        except Damaged:
            # Applications take all of it for off, so nothing that is on is lost by writing it anew.
            if self.wants_on:
                raise
            return place.empty, True

    def _may_make(self, place: Place, document: dict[str, Any], *, damaged: bool) -> None:
        """Raises Refused where a flag that is not there must be a mistake."""
        if self.wants_on or not (self.options.create or damaged):
            if not place.own and not place.file.exists():
                raise Refused(f"no flag file {place.file}")
            raise Refused(missing(place, document))

    def _standing(self, record: Any) -> Flag:
        """What stands. Raises NewerOrder when it must stay, Damaged when that cannot be told."""
        try:
            flag = Flag.read(record)
        except Damaged:
            if self.wants_on:
                raise
            return Flag(on=True)
        if flag.epoch > self.effect.epoch:
            raise NewerOrder(f"a newer order stands: {flag.epoch}, not {self.effect.epoch}")
        if self.wants_on and not flag.on and flag.epoch == self.effect.epoch:
            raise NewerOrder(f"order {flag.epoch} turned it off: only a newer one turns it on")
        return flag

    def _stands(self, flag: Flag) -> bool:
        """Whether this order, or another of its number, has done it already."""
        return flag.on is self.wants_on and flag.epoch == self.effect.epoch

    def _flag(self) -> Flag:
        reason = one_line(self.options.reason, 300) or f"order {one_line(self.effect.id, 200)}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Flag(self.wants_on, self.effect.epoch, reason, now, one_line(self.effect.id, 200))

    def _read_back(self, place: Place, note: str = "") -> Outcome:
        document = read_document(place)
        flag = Flag.read(place.records(document).get(place.name))
        seen = is_on(self.options.path, self.options.flag)
        if not self._stands(flag) or seen is not self.wants_on:
            return failed(f"{place.name} was written, and is {_word(seen)}", _facts(flag))
        return done(f"{place.name} is {_word(seen)}, by order {flag.epoch}{note}", _facts(flag))

    def look(self) -> Outcome:
        place = place_of(self.options.path, self.options.flag)
        try:
            document = read_document(place)
        except FileNotFoundError:
            return failed(one_line(f"no flag file {place.file}"))
        if place.name not in place.records(document):
            return failed(missing(place, document))
        flag = Flag.read(place.records(document)[place.name])
        text = f"{place.name} is {_word(flag.on)}, by order {flag.epoch}"
        return done(text, _facts(flag)) if self._stands(flag) else failed(text, _facts(flag))


def _beside(file: Path) -> Path:
    """A name that is free, for a damaged file."""
    number = 0
    while (found := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    return found


def _word(on: bool) -> str:
    return "on" if on else "off"


def _facts(flag: Flag) -> dict[str, Scalar]:
    return {
        "on": flag.on,
        "epoch": flag.epoch,
        "reason": flag.reason,
        "at": flag.at,
        "by": flag.by,
    }


def _reach(options: FlagOptions) -> Outcome:
    place = place_of(options.path, options.flag)
    folder = place.file.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return failed(one_line(f"{folder} is no folder that can be written"))
    try:
        document = read_document(place)
        if place.name in place.records(document):
            flag = Flag.read(place.records(document)[place.name])
            return done(f"{place.name} is {_word(flag.on)}")
    except FileNotFoundError:
        document = place.empty
    except (Damaged, OSError) as error:
        return failed(one_line(str(error)))
    lacking = missing(place, document)
    return done(f"{lacking}: `off` would make it") if options.create else failed(lacking)
