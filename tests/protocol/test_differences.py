"""What differs between two protocols, by what they mean."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from allstop.domain.policy import Protocol
from allstop.protocol import load_protocol, packs
from allstop.protocol.differences import Difference, differences, in_words


def pack(name: str) -> Protocol:
    found = load_protocol(name).protocol
    assert found is not None
    return found


def changed(folder: Path, text: str) -> list[tuple[str, str, str]]:
    """What a protocol on top of `standard` changes, without what every one does."""
    file = folder / "team.yaml"
    file.write_text(
        f"schema: allstop/1\nname: standard\ntitle: Standard emergency protocol\nextends: standard\n{text}",
        "utf-8",
    )
    found = load_protocol(file)
    assert found.protocol is not None, found.problems
    return [
        (one.path, one.before, one.after)
        for one in differences(pack("standard"), found.protocol)
        if one.path != "extends"
    ]


@pytest.mark.parametrize("name", packs())
def test_a_protocol_does_not_differ_from_itself(name: str) -> None:
    assert differences(pack(name), pack(name)) == ()


@pytest.mark.parametrize(("one", "other"), list(permutations(packs(), 2)))
def test_every_pair_differs_the_same_in_both_directions(one: str, other: str) -> None:
    there, back = differences(pack(one), pack(other)), differences(pack(other), pack(one))
    assert there
    assert all(each.before != each.after or "(order)" in each.path for each in there)
    parts = {each.path.partition("[")[0] for each in there}
    assert parts == {each.path.partition("[")[0] for each in back}


def test_spans_read_as_people_write_them(tmp_path: Path) -> None:
    text = (
        "severities: {SEV1: {respond_within: 3bd}}\nall_stop: {roll_call: 9m}\nreopen_within: 0s\n"
    )
    assert changed(tmp_path, text) == [
        ("severities.SEV1.respond", "5m", "3 business days"),
        ("all_stop.roll_call", "5m", "9m"),
        ("reopen_within", "1d", "0s"),
    ]


def test_what_is_added_and_removed(tmp_path: Path) -> None:
    text = "obligations: {review: null, coffee: {title: Coffee, owner: scribe, within: 1h}}\n"
    found = changed(tmp_path, text)
    assert [(path, bool(before), bool(after)) for path, before, after in found] == [
        ("obligations.review", True, False), ("obligations.coffee", False, True),
    ]  # fmt: skip
    assert "title Coffee" in found[1][2]


def test_rows_of_a_table_are_told_one_by_one(tmp_path: Path) -> None:
    """Given one row more on top of a table, then that is the difference, and not the whole table."""
    rows = pack("standard").classification
    one = replace(rows[0], because="we say so")
    more = replace(pack("standard"), classification=(one, *rows))
    ((path, before, after),) = [
        (d.path, d.before, d.after) for d in differences(pack("standard"), more)
    ]
    assert (path, before) == ("classification[1]", "")
    assert "because we say so" in after
    fewer = replace(pack("standard"), classification=rows[:-1])
    assert [d.path for d in differences(pack("standard"), fewer)] == [
        f"classification[{len(rows)}]"
    ]
    other = replace(pack("standard"), classification=(rows[0], one, *rows[2:]))
    assert [d.path for d in differences(pack("standard"), other)] == ["classification[2]"]


def test_the_order_of_severities_is_a_difference() -> None:
    turned = replace(pack("standard"), severities=tuple(reversed(pack("standard").severities)))
    assert differences(pack("standard"), turned) == (
        Difference("severities (order)", "SEV1, SEV2, SEV3, SEV4", "SEV4, SEV3, SEV2, SEV1"),
    )


def test_mappings_have_words_too() -> None:
    assert in_words({"a": True, "b": ()}) == "a: yes; b: "
    assert in_words({}) == ""
    assert in_words(("x", "y")) == "x; y"
