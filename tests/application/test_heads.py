"""What may be linked to the log, and taking it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from allstop.application.digests import check
from allstop.application.heads import Heads, check_ending, written_at
from allstop.application.ports import Conflict, EffectState, Finish, RefusalEntry, Write
from allstop.testing.contracts.store_ground import NOW, draft, sha256, writing

STREAM = "incident/INC-1"


def one(version: int) -> Write:
    """One drafted entry."""
    return writing(draft(STREAM, version, "text"))(None)  # type: ignore[arg-type]


def test_a_version_that_is_not_the_next_one_conflicts() -> None:
    """Given a stream of one entry, when the first or the third is drafted, then it conflicts."""
    heads = Heads()
    heads.extend(heads.link(one(1)))
    for version in (1, 3):
        with pytest.raises(Conflict, match="is at version 1"):
            heads.link(one(version))


@pytest.mark.parametrize("change", [
    {"at": datetime(2026, 1, 1)},  # noqa: DTZ001 (that is the point)
    {"at": NOW.astimezone(timezone(timedelta(hours=1)))},
    {"actor": "person:ada\nperson:eve"}, {"cause": "a\nb"}, {"stream": "incident/a\nb"},
])  # fmt: skip
def test_a_draft_that_its_hash_could_not_tell_apart_is_refused(change: dict[str, object]) -> None:
    """Given a time without its zone or in another one, or a line break, then there is no hash of it."""
    write = one(1)
    record = replace(write.records[0], **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"UTC|single lines"):
        Heads().link(replace(write, records=(record,)))


def test_a_body_is_one_line_and_each_entry_has_its_own() -> None:
    """Given a body of two lines, or none at all, then nothing is linked."""
    with pytest.raises(ValueError, match="single line"):
        Heads().link(replace(one(1), bodies=(b"{\n}",)))
    with pytest.raises(ValueError, match="one body for each"):
        Heads().link(replace(one(1), bodies=()))


def test_what_was_added_can_be_taken_back() -> None:
    """Given settled and new entries, when the new ones are taken back, one part or all, then the ends are
    those of before."""
    heads = Heads()
    heads.extend(heads.link(one(1)))
    heads.settle()
    settled = heads.end(STREAM)
    heads.extend(heads.link(one(2)))
    mark, second = heads.mark(), heads.end(STREAM)
    heads.extend(heads.link(one(3)))
    heads.back_to(mark)
    assert (heads.end(STREAM), heads.position) == (second, 2)
    heads.rewind()
    assert (heads.end(STREAM), heads.position) == (settled, 1)

    fresh = Heads()
    fresh.extend(fresh.link(one(1)))
    fresh.rewind()
    assert fresh.end(STREAM)[0] == fresh.position == 0


def test_a_write_says_itself_when_it_was_made() -> None:
    """Given entries, a refusal or neither, then the time is theirs, or the one that is known otherwise."""
    later = NOW + timedelta(seconds=1)
    assert written_at(one(1), later) == one(1).records[-1].at
    assert written_at(Write(refusal=RefusalEntry(NOW, "person:ada", "X", ())), later) == NOW
    assert written_at(Write(), later) == later


def test_an_attempt_cannot_end_under_way() -> None:
    """Given an end that is none, then it is refused."""
    with pytest.raises(ValueError, match="does not end as claimed"):
        check_ending(Finish("token", EffectState.CLAIMED, ""))


@pytest.mark.parametrize("write", [
    Write(policies={sha256(b"{}"): "{ }"}), Write(blobs={sha256(b"a"): b"b"}),
])  # fmt: skip
def test_a_body_under_a_wrong_digest_is_refused(write: Write) -> None:
    """Given a policy or a blob that is not what its digest says, then it is refused."""
    with pytest.raises(ValueError, match="does not match"):
        check(write)
