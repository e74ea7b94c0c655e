"""The standalone verifier: recomputes everything the log claims about itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from allstop import errors
from allstop.application import chain, digests
from allstop.application.checkpoints import Signatures, message, read_line
from allstop.application.ports import Checkpoint, StoredRecord

_PAGE = 1000
_LISTED = 1000


class AuditSource(Protocol):
    """What can be audited: a store, or a database file that no coordinator holds."""

    def records(
        self, after: int = 0, limit: int = 1000, stream: str = ""
    ) -> list[StoredRecord]: ...

    def policies(self) -> dict[str, str]: ...

    def blob(self, sha256: str) -> bytes | None: ...

    def blob_digests(self) -> list[str]: ...

    def checkpoints(self) -> list[Checkpoint]: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """kind: see `KINDS`; position: of the entry concerned, 0 when it is not about one."""

    kind: str
    position: int
    text: str


KINDS = {
    "unreadable": "a part of the database cannot be read",
    "gap": "positions of the log are missing or doubled",
    "version-gap": "versions of a stream are missing or out of order",
    "broken-link": "an entry does not follow the one before it in its stream",
    "edited": "an entry is not what its hash says",
    "policy": "a policy is not what its digest says",
    "blob": "a body beside the log is not what its digest says",
    "checkpoint": "the log differs from a signed checkpoint",
    "signature": "the signature of a checkpoint is not valid",
    "unknown-key": "a checkpoint was signed with a key that is not known",
    "cut": "the log ends before a signed checkpoint",
    "export": "a line of the exported checkpoints cannot be read",
}


@dataclass(slots=True)
class Report:
    """What was found. first_bad: the first entry of the log that is wrong; counts: by kind.

    unsealed: how many entries at the end no checkpoint covers: only what is sealed, and of which
    the checkpoint lies outside, can be proven not to be rewritten as a whole.
    """

    entries: int = 0
    streams: int = 0
    checkpoints: int = 0
    exported: int = 0
    unsealed: int = 0
    first_bad: Problem | None = None
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.counts

    def add(self, kind: str, text: str, position: int = 0) -> None:
        problem = Problem(kind, position, text)
        self.counts[kind] += 1
        if len(self.problems) < _LISTED:
            self.problems.append(problem)
        if position and (self.first_bad is None or position < self.first_bad.position):
            self.first_bad = problem


def verify(source: AuditSource, signatures: Signatures, exported: Iterable[str] = ()) -> Report:
    """Check a log from end to end; reads it in pages. exported: lines of the export file.

    Never raises for what it finds: a part that cannot be read is a problem like the others.
    """
    report = Report()
    statements = _Statements(report, signatures)
    try:
        statements.take_kept(source.checkpoints())
    except errors.AllstopError as error:
        report.add("unreadable", f"checkpoints: {error}")
    statements.take_exported(exported)
    _Log(report, statements).walk(source)
    _bodies(source, report)
    return report


class _Statements:
    """All checkpoints, kept and exported, by position, each compared when the log gets there."""

    def __init__(self, report: Report, signatures: Signatures) -> None:
        self._report = report
        self._signatures = signatures
        self._at: dict[int, list[tuple[str, str, bool]]] = {}
        self.last = 0

    def take_kept(self, kept: Iterable[Checkpoint]) -> None:
        for checkpoint in kept:
            self._report.checkpoints += 1
            self._take(checkpoint, "kept")

    def take_exported(self, lines: Iterable[str]) -> None:
        for number, line in enumerate(lines, 1):
            try:
                checkpoint = read_line(line)
            except ValueError:
                self._report.add("export", f"line {number} is not a checkpoint")
                continue
            self._report.exported += 1
            self._take(checkpoint, "exported")

    def _take(self, checkpoint: Checkpoint, where: str) -> None:
        position, key = checkpoint.position, checkpoint.key_id
        valid = self._signatures.check(key, message(checkpoint), checkpoint.signature)
        if valid is None:
            self._report.add("unknown-key", f"the {where} checkpoint {position} names key {key}")
        elif not valid:
            self._report.add(
                "signature", f"the {where} checkpoint {position} was not signed by key {key}"
            )
        self._at.setdefault(position, []).append((where, checkpoint.chain, bool(valid)))
        self.last = max(self.last, position)

    def compare(self, position: int, value: str) -> str:
        """Compare with the chain value; returns the value to go on with.

        After a mismatch that is the signed one, so that later checkpoints speak for their own part.
        """
        going_on = value
        for where, claimed, valid in self._at.pop(position, ()):
            if claimed != value:
                self._report.add(
                    "checkpoint", f"the log up to {position} differs from the {where} checkpoint"
                )
                going_on = claimed if valid else going_on
        return going_on

    def remaining(self) -> Iterator[tuple[int, str]]:
        """Checkpoints for positions the log did not have."""
        for position in sorted(self._at):
            for where, _, _ in self._at[position]:
                yield position, where


class _Log:
    """One pass over all entries, in order of position."""

    def __init__(self, report: Report, statements: _Statements) -> None:
        self._report = report
        self._statements = statements
        self._ends: dict[str, tuple[int, str]] = {}
        self._position = 0
        self._chain = chain.GENESIS
        self._source: AuditSource | None = None

    def walk(self, source: AuditSource) -> None:
        self._source = source
        try:
            while page := source.records(after=self._position, limit=_PAGE):
                for entry in page:
                    self._entry(entry)
        except errors.AllstopError as error:
            self._report.add("unreadable", f"the log: {error}", self._position + 1)
        for position, where in self._statements.remaining():
            kind = "cut" if position > self._position else "checkpoint"
            self._report.add(
                kind, f"there is a checkpoint ({where}) for {position}, "
                f"the log ends at {self._position}",
            )  # fmt: skip
        self._report.streams = len(self._ends)
        self._report.unsealed = max(0, self._position - self._statements.last)

    def _entry(self, entry: StoredRecord) -> None:
        report, position = self._report, entry.position
        name = f"entry {position} ({entry.stream} version {entry.version}, {entry.kind})"
        if position != self._position + 1:
            report.add("gap", f"{name} comes after position {self._position}", position)
        version, prev = self._ends.get(entry.stream, (0, chain.GENESIS))
        if entry.version != version + 1:
            report.add("version-gap", f"{name} comes after version {version}", position)
        elif entry.prev != prev:
            report.add("broken-link", f"{name} does not follow version {version}", position)
        if _hash(entry) != entry.hash:
            report.add("edited", f"{name} is not what its hash says", position)
        elif entry.kind == "plan.made":
            self._beside(entry, name)
        self._ends[entry.stream] = (entry.version, entry.hash)
        self._position = position
        self._chain = self._statements.compare(
            position, chain.seal(self._chain, position, entry.hash)
        )
        report.entries += 1

    def _beside(self, entry: StoredRecord, name: str) -> None:
        """A large plan stands beside the log: there, and as the entry says. One that is there and damaged is
        found among all bodies."""
        try:
            digest = (json.loads(entry.body).get("beside") or {}).get("sha256", "")
        except (ValueError, AttributeError):
            self._report.add("edited", f"{name} is no plan", entry.position)
            return
        if digest and self._source is not None and self._source.blob(str(digest)) is None:
            text = f"{name} has its steps beside the log, and body {digest} is not there"
            self._report.add("blob", text, entry.position)


def _hash(entry: StoredRecord) -> str:
    return chain.link(
        entry.prev, entry.stream, entry.version, entry.kind, entry.schema,
        entry.at, entry.actor, entry.cause, entry.body.encode(),
    )  # fmt: skip


def _bodies(source: AuditSource, report: Report) -> None:
    try:
        for digest, text in source.policies().items():
            if digests.sha256(text.encode()) != digest:
                report.add("policy", f"policy {digest} is not what its digest says")
        for digest in source.blob_digests():
            if digests.sha256(source.blob(digest) or b"") != digest:
                report.add("blob", f"body {digest} is not what its digest says")
    except errors.AllstopError as error:
        report.add("unreadable", f"policies and blobs: {error}")
