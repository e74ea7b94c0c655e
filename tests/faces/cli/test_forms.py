"""Filling in forms: by words, from a file, field by field."""

from pathlib import Path
from typing import Any

import pytest

from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded, problem

FILED = "/incidents/current/forms/briefing"


@pytest.fixture
def asked(rich: Recorded) -> Recorded:
    rich.answer(f"POST {FILED}", {"form": "briefing", "number": 2})
    return rich


def fields(book: Recorded) -> Any:
    assert book.last.path == FILED
    return book.last.body["fields"]


def test_what_was_filed_before_is_kept(allstop: Run, asked: Recorded) -> None:
    ran = allstop("fill", "briefing", "level=red", "--field", "since=20m ago")
    assert ran.out.startswith("Threat briefing is filed, for the 2. time\n")
    assert fields(asked) == {
        "situation": "checkout fails", "level": "red", "since": "2026-11-21T02:44:10Z",
    }  # fmt: skip
    allstop("fill", "briefing", "level=red", "--anew")
    assert fields(asked) == {"level": "red"}


def test_nobody_at_the_terminal_gets_the_exact_command(allstop: Run, asked: Recorded) -> None:
    ran = allstop("fill", "briefing")
    assert ran.code == 2
    assert ran.err == (
        "error: nothing is given for Threat briefing, and nobody is at the terminal; it needs level\n"
        'hint:  allstop fill briefing level="..."\n'
    )


def test_missing_fields_are_named_with_the_exact_command(allstop: Run, asked: Recorded) -> None:
    reasons = (
        {"code": "missing-field", "text": "it needs the field level (Level)", "hint": '--field level="..."'},
        {"code": "missing-field", "text": "it needs the field impact (Impact)", "hint": '--field impact="..."'},
    )  # fmt: skip
    asked.answers[f"POST {FILED}"] = problem(409, "refused", "no", "", reasons)
    ran = allstop("fill", "briefing", "situation=it is dark; rm -rf /")
    assert ran.code == 3
    assert ran.err == (
        "error: it needs the field level (Level)\n"
        "error: it needs the field impact (Impact)\n"
        'hint:  allstop fill briefing situation=\'it is dark; rm -rf /\' level="..." impact="..."\n'
    )


def test_it_asks_field_by_field(
    allstop: Run, asked: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["", "pink", "red", "in 1h", ""])
    labels = []

    def prompted(label: str) -> str:
        labels.append(label)
        return next(said)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", prompted)
    ran = allstop("fill", "briefing")
    assert ran.code == 0
    assert "one of red, orange" in ran.out
    assert fields(asked) == {
        "situation": "checkout fails", "level": "red", "since": "2026-11-21T04:04:10Z",
    }  # fmt: skip
    assert labels[0].startswith("Situation [checkout fails]")
    assert labels[-1].startswith("Impact [from the record]")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yaml", "situation: dark\nlevel: red\nrisk:\n  - a\n  - b\nsure: true\nempty:\n"),
        ("f.json", '{"situation": "dark", "level": "red", "risk": ["a", "b"], "sure": true, "empty": null}'),
    ],
)  # fmt: skip
def test_from_a_file(allstop: Run, asked: Recorded, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert allstop("fill", "briefing", "level=orange", "--file", str(tmp_path / name)).code == 0
    assert fields(asked) == {
        "situation": "dark", "level": "orange", "risk": "a\nb", "sure": "yes", "empty": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yaml", b"situation: ["), ("f.yaml", b"- a\n"), ("f.yaml", b"\xff\xfe"), ("f.yaml", b""),
        ("f.yaml", b"a: &x [*x]\n"), ("f.json", b"{"), ("f.json", b"[]"), ("f.json", b"[" * 100_000),
        ("f.json", b"1" * 5000), ("f.yaml", b"x" * 2_000_001),
    ],
)  # fmt: skip
def test_bad_files_are_explained_and_send_nothing(
    allstop: Run, asked: Recorded, tmp_path: Path, name: str, text: bytes
) -> None:
    (tmp_path / name).write_bytes(text)
    ran = allstop("fill", "briefing", "--file", str(tmp_path / name))
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert "hint:  " in ran.err
    assert "Traceback" not in ran.err
    assert all(one.method == "GET" for one in asked.asked)


def test_an_unknown_form_is_named_with_the_nearest(allstop: Run, asked: Recorded) -> None:
    ran = allstop("fill", "breifing", "a=b")
    assert (ran.code, ran.err) == (
        4, "error: the protocol has no form breifing\nhint:  did you mean briefing?\n",
    )  # fmt: skip
