"""What an agent makes of its halt file: when in doubt, it stops."""

from pathlib import Path

import pytest

from allstop.sandbox.halt_file import RUN, Order, read_order

HALT = "v 1\nseq 4\nmode halt\nhalt HALT-2\nincident INC-7\nreason payments are failing\n"


def test_no_file_means_run(tmp_path: Path) -> None:
    """An agent nobody ever halted works."""
    assert read_order(tmp_path / "builder-1") == RUN


def test_a_halt_is_read_with_its_reason(tmp_path: Path) -> None:
    """Mode halt names the halt, the incident and the reason."""
    (tmp_path / "a").write_text(HALT)
    assert read_order(tmp_path / "a") == Order(True, "HALT-2", "INC-7", "payments are failing")


def test_run_lets_the_agent_go(tmp_path: Path) -> None:
    """Mode run after a halt is a release."""
    (tmp_path / "a").write_text("v 1\nseq 5\nmode run\n")
    assert not read_order(tmp_path / "a").halted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "mode run\n",
        "v 2\nseq 1\nmode run\n",
        "v 1\nmode run\n",
        "v 1\nseq x\nmode run\n",
        "v 1\nseq 1\nmode walk\n",
        "v 1\nseq 1\nmode halt\n",
        "v 1\nseq 1\nmode run\nmode run\n",
        HALT[:25],
        "v 1\nseq 1\nmode run\nreason " + "x" * 20_000,
    ],
)
def test_what_makes_no_sense_means_halt(tmp_path: Path, text: str) -> None:
    """A file cut short, of another version or contradicting itself never lets an agent work."""
    (tmp_path / "a").write_text(text)
    assert read_order(tmp_path / "a").halted


def test_what_cannot_be_read_means_halt(tmp_path: Path) -> None:
    """A folder in the file's place and bytes that are no text are no permission."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"v 1\nseq 1\nmode run\nreason \xff\xfe\n")
    assert read_order(tmp_path / "folder").halted
    assert read_order(tmp_path / "bytes").halted
