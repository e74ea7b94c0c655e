"""The strict reader: what it keeps as text, what it refuses, and that nothing makes it raise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allstop.protocol.inherit import every_pack, pack_text
from allstop.protocol.problems import Problem
from allstop.protocol.reader import DEEPEST, LARGEST_BYTES, QUICK, Node, find, plain, read
from tests.protocol.projects import project

YAML_LIKE = st.text(
    alphabet="ab:-?{}[],&*!|>'\"%@`#\\ \n\r\t0123.~<=yUx\u2028\ufeff\ud800é", max_size=60
)


def value(text: str) -> object:
    root, problems = read(f"key: {text}\n", "x.yaml")
    assert root is not None
    assert problems == ()
    return plain(root)["key"]


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "off",
        "yes",
        "No",
        "True",
        "NULL",
        "15:30",
        "017",
        "0o17",
        "0x1F",
        "1_000",
        "1.5",
        "1e3",
        ".inf",
        "2026-01-01",
        "2026-12-25",
        "09:00-17:00",
        "1:30:00",
        "90d",
        "=",
    ],
)
def test_what_other_readers_guess_at_stays_text(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ('"12"', "12"),
        ("'true'", "true"),
        (str(2**53 - 1), 2**53 - 1),
    ],
)
def test_the_few_things_that_are_more_than_text(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_hours_and_dates_stay_text_in_lists_and_mappings_of_one_line() -> None:
    """Given hours and dates as people write them without quotes, then nobody makes numbers of them."""
    root, problems = read(
        "a: {fri: [09:00-12:00, 13:00-15:00], x: 09:00-17:00}\nb: [2026-12-25]\n", "x"
    )
    assert root is not None
    assert problems == ()
    assert plain(root) == {
        "a": {"fri": ["09:00-12:00", "13:00-15:00"], "x": "09:00-17:00"},
        "b": ["2026-12-25"],
    }


@pytest.mark.parametrize("character", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_what_turns_text_around_is_refused_and_languages_that_run_so_are_not(
    character: str,
) -> None:
    """Given a character that shows a line other than it is, then it is named; Hebrew is only text."""
    _, (problem,) = read(f"a: all clear {character}ton si siht\n", "x.yaml")
    assert (problem.code, problem.line, problem.column) == ("AP008", 1, 14)
    assert value("שלום") == "שלום"


@pytest.mark.parametrize("name", every_pack())
def test_the_quick_parser_makes_the_same_of_every_built_in_protocol(name: str) -> None:
    """Given two parsers, when both read what is built in, then nodes and places are the same."""
    assert read(pack_text(name), name, QUICK) == read(pack_text(name), name)


def test_every_node_knows_its_place() -> None:
    root, _ = read("# hello\r\na:\r\n  - b: [1, two]\r\n", "x.yaml")
    assert root is not None
    assert (find(root, ("a",)).place.line, find(root, ("a",)).place.column) == (2, 1)
    node = find(root, ("a", 0, "b", 1))
    assert (node.value, node.place.line, node.place.column) == ("two", 3, 12)
    assert find(root, ("a", 0, "nothing", "here")).place == find(root, ("a", 0)).place


def test_keys_are_text_whatever_they_look_like() -> None:
    root, problems = read("1: a\ntrue: b\non: c\nnull: d\n", "x.yaml")
    assert root is not None
    assert problems == ()
    assert plain(root) == {"1": "a", "true": "b", "on": "c", "null": "d"}


def test_a_file_of_comments_is_an_empty_document() -> None:
    root, problems = read("# nothing yet\n", "x.yaml")
    assert root is not None
    assert (root.value, problems) == ({}, ())


def test_the_largest_file_and_the_deepest_nesting() -> None:
    assert codes(read("#" * LARGEST_BYTES, "x.yaml")[1]) == []
    assert codes(read("#" * (LARGEST_BYTES + 1), "x.yaml")[1]) == ["AP009"]
    depth = DEEPEST - 1
    assert codes(read("a: " + "[" * depth + "]" * depth, "x.yaml")[1]) == []
    assert codes(read("a: " + "[" * (depth + 1) + "]" * (depth + 1), "x.yaml")[1]) == ["AP010"]
    assert codes(read("a: " + "[" * 500_000, "x.yaml")[1]) == ["AP010"]


def test_a_duplicate_key_is_named_with_the_line_of_the_first() -> None:
    root, (problem,) = read("a: 1\nb: 2\na: 3\n", "x.yaml")
    assert str(problem) == 'x.yaml:3:1: AP004 the key "a" stands here again, first in line 1'
    assert root is not None
    assert plain(root) == {"a": 1, "b": 2}


def test_the_byte_that_is_not_utf_8_is_pointed_at() -> None:
    _, (problem,) = read("a: 1\né: \xff".encode("latin-1").replace(b"\xe9", "é".encode()), "x.yaml")
    assert (problem.code, problem.line, problem.column) == ("AP008", 2, 4)


@pytest.mark.parametrize(
    "text",
    [
        'a: "\\U00110000"',
        'a: "\\UFFFFFFFF"',
        "%YAML " + "9" * 5000 + ".1\n---\na: 1",
        "%TAG !e! tag:e,1:\n---\na: 1",
        "a: !!python/object:os.system {}",
    ],
)
def test_what_the_library_stumbles_over_is_a_problem_too(text: str) -> None:
    _, problems = read(text, "x.yaml")
    assert set(codes(problems)) <= {"AP002", "AP005"}
    assert problems


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=80), YAML_LIKE))
@example("? ")
@example("a: |\n")
def test_no_text_makes_it_raise(text: str) -> None:
    nodes_or_problems(*read(text, "x.yaml"))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_make_it_raise(content: bytes) -> None:
    nodes_or_problems(*read(content, "x.yaml"))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(["protocol.yaml", "fleet.yaml", "roster.yaml"]), data=st.data())
def test_no_change_of_a_good_document_makes_loading_raise(
    name: str, data: st.DataObject, tmp_path: Path
) -> None:
    """Cut a piece out of a good document, or put one in: problems, never an exception."""
    good = (Path(__file__).parent.parent / "documents" / "good" / "shop" / name).read_text("utf-8")
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 12)))
    new = data.draw(
        st.one_of(
            st.just(""), st.sampled_from([" 5", "[", "{}", "null", "yes", "- ", "&a ", "x: "])
        )
    )
    found = project(tmp_path, replaced={name: good[:start] + new + good[end:]})
    assert found.policy is not None or any(each.is_error for each in found.problems)


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [each.code for each in problems]


def nodes_or_problems(root: Node | None, problems: tuple[Problem, ...]) -> None:
    assert root is not None or problems
    assert all(each.line > 0 and each.column > 0 for each in problems)
    if root is not None:
        # Whatever came through can be written out again: no lone surrogates.
        str(plain(root)).encode()
