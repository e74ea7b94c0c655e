"""Files that a person names: whatever they are, the command ends and says what is wrong with them.

A command that waits for a pipe for ever is ended by the time limit of the tests.
"""

import contextlib
import hashlib
import json
import os
import select
import threading
from pathlib import Path

import pytest

from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded

BODY = b"what was seen"
SHA = hashlib.sha256(BODY).hexdigest()
READERS = [
    ("protocol", "show", "{}"), ("protocol", "check", "{}", "--alone"), ("protocol", "diff", "standard", "{}"),
    ("protocol", "rehearse", "{}"), ("protocol", "import", "{}", "--to", "-"), ("fill", "briefing", "--file", "{}"),
]  # fmt: skip
WRITERS = [
    ("report", "INC-1", "--to", "{}"), ("protocol", "import", "runbook.md", "--force", "--to", "{}"),
    ("evidence", SHA, "--output", "{}"),
]  # fmt: skip


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe that nobody has opened."""
    found = tmp_path / "pipe"
    os.mkfifo(found)
    return found


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_pipe_is_refused_and_not_waited_for(
    allstop: Run, rich: Recorded, pipe: Path, words: tuple[str, ...]
) -> None:
    ran = allstop(*(word.replace("{}", str(pipe)) for word in words))
    assert ran.code == 2
    assert "no ordinary file" in ran.out + ran.err


@pytest.mark.parametrize("words", READERS, ids=" ".join)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused_and_not_read_for_ever(
    allstop: Run, rich: Recorded, device: str, words: tuple[str, ...]
) -> None:
    ran = allstop(*(word.replace("{}", device) for word in words))
    assert ran.code == 2
    assert "no ordinary file" in ran.out + ran.err


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_folder_is_no_document(
    allstop: Run, rich: Recorded, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = allstop(*(word.replace("{}", str(tmp_path)) for word in words))
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert "hint:  " in ran.err


@pytest.mark.parametrize("words", READERS[3:], ids=" ".join)
def test_what_is_too_long_is_said_to_be(
    allstop: Run, rich: Recorded, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "long"
    with file.open("wb") as body:
        body.truncate(5_000_000_000)
    ran = allstop(*(word.replace("{}", str(file)) for word in words))
    assert ran.code == 2
    assert "000 bytes" in ran.err


@pytest.mark.parametrize("words", WRITERS, ids=lambda words: words[0])
def test_nothing_waits_for_a_reader(
    allstop: Run, book: Recorded, pipe: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(pipe.parent)
    Path("runbook.md").write_text("# Ours\n")
    kept(book)
    ran = allstop(*(word.replace("{}", str(pipe)) for word in words))
    option = "--output" if "--output" in words else "--to"
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: {pipe}: nobody reads it\nhint:  choose another place with {option}\n"


def test_a_pipe_that_somebody_reads_gets_all_of_it(
    allstop: Run, book: Recorded, pipe: Path
) -> None:
    """More than a pipe holds at once."""
    text = b"# Report\n" + b"x" * 300_000
    book.answer("GET /incidents/INC-1/report", text)
    heard = bytearray()
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def listen() -> None:
        while len(heard) < len(text):
            select.select([handle], [], [])
            with contextlib.suppress(BlockingIOError):
                heard.extend(os.read(handle, 65_536))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert allstop("report", "INC-1", "--to", str(pipe)).code == 0
    listener.join(60)
    os.close(handle)
    assert bytes(heard) == text


@pytest.mark.parametrize("words", WRITERS, ids=lambda words: words[0])
@pytest.mark.parametrize("target", ["/dev/full", "/nowhere/at/all", "/proc/version"])
def test_what_cannot_be_written_says_where_else(
    allstop: Run, book: Recorded, home: Path, words: tuple[str, ...], target: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(home)
    Path("runbook.md").write_text("# Ours\n")
    kept(book)
    if target.startswith("/nowhere"):
        (home / "nowhere").write_text("a file in place of a folder")
        target = str(home / "nowhere" / "at" / "all")
    ran = allstop(*(word.replace("{}", target) for word in words))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {target}: ")
    assert "hint:  choose another place with --" in ran.err


def kept(book: Recorded) -> None:
    """A report and a piece of evidence that can be had."""
    book.answer("GET /incidents/INC-1/report", b"# Report\n")
    book.answer(f"GET /evidence/{SHA}", BODY)


def test_a_document_of_the_project_that_is_a_pipe_is_a_problem_of_it(
    allstop: Run, home: Path
) -> None:
    os.mkfifo(home / "protocol.yaml")
    ran = allstop("protocol", "show")
    assert ran.code == 2
    assert "protocol.yaml" in ran.err
    assert "no ordinary file" in ran.err


def test_importing_counts_each_value_once_and_says_every_line(allstop: Run, tmp_path: Path) -> None:
    """Given a text of which a paragraph has no place, when it is imported, then its lines are all told."""
    text = tmp_path / "runbook.md"
    text.write_text(
        "# Our runbook\n\n## Trigger phrases\n\n- red alert\n- all hands\n\n"
        "## History\n\nThe old house was built of wood,\nand it burnt for three days,\nand nobody knew why.\n"
    )
    draft = tmp_path / "ours.yaml"
    ran = allstop("protocol", "import", str(text), "--to", str(draft), "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert len(found["ranges"]) == len(found["unplaced"]) > 0
    for one, (first, last) in zip(found["unplaced"], found["ranges"], strict=True):
        assert (one["line"], one["last"]) == (first, last)
    longest = max(found["ranges"], key=lambda where: where[1] - where[0])
    assert longest[1] > longest[0]
    paths = {one["path"] for one in found["placed"]}
    out = allstop("protocol", "import", str(text), "--to", str(draft), "--force").out
    assert out.startswith(f"{draft}: {len(paths)} values from ")
    assert f"  lines {longest[0]}-{longest[1]}  " in out


def test_a_value_from_two_lines_is_one_value(allstop: Run, tmp_path: Path) -> None:
    text = tmp_path / "runbook.md"
    text.write_text(
        "# Ours\n\n| Severity | Meaning | Respond within |\n|---|---|---|\n| P1 | down | 5 minutes |\n| P2 | slow | 1 hour |\n"
        "\n## Roles\n\n- **Incident commander**: decides.\n- **Scribe**: writes.\n"
    )
    found = json.loads(
        allstop("protocol", "import", str(text), "--to", str(tmp_path / "a.yaml"), "--json").out
    )
    paths = [one["path"] for one in found["placed"]]
    out = allstop("protocol", "import", str(text), "--to", str(tmp_path / "b.yaml")).out
    assert f": {len(set(paths))} values from " in out


TODAY = f"{recorded.NOW:%Y-%m-%d}"


@pytest.mark.parametrize(
    "words",
    [("protocol", "check", "{}", "--alone"), ("protocol", "show", "{}"), ("protocol", "diff", "standard", "{}")],
    ids=" ".join,
)  # fmt: skip
def test_a_review_in_the_future_is_no_review(
    allstop: Run, home: Path, words: tuple[str, ...]
) -> None:
    """Given a review said to have been held tomorrow, then whoever looks today is told."""
    file = home / "ours.yaml"
    ours = "schema: allstop/1\nname: ours\nextends: standard\nreview: {every: 90d, last: %s}\n"
    file.write_text(ours % "2026-11-22")
    ran = allstop(*(word.replace("{}", str(file)) for word in words))
    assert ran.code == 2
    assert "AP123" in ran.out + ran.err
    file.write_text(ours % TODAY)
    assert "AP123" not in allstop(*(word.replace("{}", str(file)) for word in words)).out


def test_a_clock_that_is_wrong_finds_no_fault_with_what_is_built_in(
    allstop: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a machine whose clock went back to its beginning, then the built-in protocols can be used."""
    monkeypatch.setattr(recorded, "NOW", recorded.NOW.replace(year=1970))
    assert allstop("protocol", "show", "patronus").code == 0
