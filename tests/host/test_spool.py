"""What gates wrote down, read by somebody who believes none of it more than it deserves."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from allstop.host.spool import Fact, Receipt, Spool

DENY = "deny 42 HALT-3 claude s-1 Bash 123\n"
FACT = "fact 42 SessionStart claude s-1 99 /srv/a b\n"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


def write(folder: Path, text: bytes | str) -> None:
    body = text.encode() if isinstance(text, str) else text
    with (folder / "spool" / "receipts").open("ab") as file:
        file.write(body)


def test_agents_may_add_to_it_and_not_read_list_or_replace_it(spool: Spool, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o711
    assert stat.S_IMODE((tmp_path / "spool" / "receipts").stat().st_mode) == 0o622
    write(tmp_path, DENY)
    spool.prepare()  # a second start keeps what is there
    assert list(spool.news()) == [Receipt(42, "HALT-3", "claude", "s-1", "Bash", 123)]


def test_each_line_is_told_once_and_half_a_line_when_it_is_whole(
    spool: Spool, tmp_path: Path
) -> None:
    write(tmp_path, DENY + FACT[:20])
    assert [type(one) for one in spool.news()] == [Receipt]
    write(tmp_path, FACT[20:])
    assert list(spool.news()) == [Fact(42, "SessionStart", "claude", "s-1", 99, "/srv/a b")]
    assert list(spool.news()) == []


@pytest.mark.parametrize(
    "line",
    [
        b"deny", b"deny 1 2", b"deny x HALT-3 claude s-1 Bash 123", b"deny 42 HALT-3 claude s-1 Bash -1",
        b"deny 42 HALT-3 claude s-1 Ba\x1bsh 123", b"deny 42 HALT-3 claude s-1 Bash 123 more",
        b"fact 42 SessionStart claude s-1 99 /srv/\x07", b"\x00" * 300, b"\xff\xfe", b"", b"allow everything",
        b"deny 42 " + b"H" * 5000 + b" claude s-1 Bash 123", "deny ٤٢ HALT-3 claude s-1 Bash ١".encode(),
    ],
)  # fmt: skip
def test_a_line_without_sense_is_counted_and_the_next_is_read(
    spool: Spool, tmp_path: Path, line: bytes
) -> None:
    write(tmp_path, line + b"\n" + DENY.encode())
    assert len(list(spool.news())) == 1
    assert spool.garbled == 1


def test_a_flood_takes_neither_memory_nor_the_disk(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allstop.host.spool._LARGEST_FILE", 100_000)
    monkeypatch.setattr("allstop.host.spool._AT_ONCE", 10_000)
    told = 0
    for _ in range(40):
        write(tmp_path, DENY * 200)
        told += len(list(spool.news()))
    for _ in range(40):
        told += len(list(spool.news()))
    assert told == 8000
    assert spool.garbled == 0
    assert (tmp_path / "spool" / "receipts").stat().st_size <= 100_000


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key\n")
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "receipts").symlink_to(secret)
    spool = Spool(tmp_path)
    with pytest.raises(OSError, match=r"symbolic|loop|Too many"):
        spool.prepare()
    assert list(spool.news()) == []
    assert stat.S_IMODE(secret.stat().st_mode) & 0o022 == 0


def test_a_flood_is_cut_before_it_fills_the_disk(spool: Spool, tmp_path: Path) -> None:
    """Given somebody who writes faster than anybody reads, when the file is larger than it may be, it is begun anew, and
    what comes after that is read."""
    write(tmp_path, DENY)
    assert len(list(spool.news())) == 1
    write(tmp_path, b"x" * 20_000_000 + b"\n")
    list(spool.news())
    assert (tmp_path / "spool" / "receipts").stat().st_size <= 4_194_304
    assert spool.floods == 1
    write(tmp_path, DENY)
    assert len(list(spool.news())) == 1


def test_the_spool_comes_back_when_somebody_has_removed_it(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "spool" / "receipts").unlink()
    list(spool.news())
    write(tmp_path, DENY)
    assert len(list(spool.news())) == 1
    assert stat.S_IMODE((tmp_path / "spool" / "receipts").stat().st_mode) == 0o622
