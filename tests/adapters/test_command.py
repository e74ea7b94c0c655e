"""The actuator `command`: exit codes, time-outs, evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.adapters.command import Command
from allstop.domain.effects import Ending
from tests.adapters.worlds import Blobs, effect


@pytest.mark.parametrize(
    ("script", "ending", "because"),
    [
        ("exit 0", Ending.DONE, "exit code 0"),
        ("echo stopped", Ending.DONE, "stopped"),
        ("echo busy >&2; exit 75", Ending.RETRY, "busy"),
        ("echo a >&2; echo no such unit >&2; exit 1", Ending.FAILED, "no such unit"),
        ("exit 9", Ending.FAILED, "exit code 9"),
        ("kill -9 $$", Ending.FAILED, "exit code -9"),
    ],
)
async def test_exit_codes(script: str, ending: Ending, because: str) -> None:
    """Given an exit code, 0 is done, 75 is later, the rest failed with the last line of errors."""
    outcome = await Command().act(effect("ensure", {"argv": ["sh", "-c", script]}), Blobs())
    assert (outcome.ending, outcome.because) == (ending, because)


@pytest.mark.parametrize(
    ("printed", "because"),
    [
        ('{"text": "web is stopped", "pid": 7}', "web is stopped"),
        ('{"text": "", "pid": 7}', '{"text": "", "pid": 7}'),
        ('{"text": 4, "pid": 7}', '{"text": 4, "pid": 7}'),
        ('{"pid": 7}', '{"pid": 7}'),
    ],
)
async def test_a_json_answer_may_say_itself_in_words(printed: str, because: str) -> None:
    """Given a JSON object on standard output, its `text` is what is told, and the rest are facts."""
    argv = ["sh", "-c", 'printf "%s\n" "$0"', printed]
    outcome = await Command().act(effect("ensure", {"argv": argv}), Blobs())
    assert (outcome.ending, outcome.because) == (Ending.DONE, because)
    assert outcome.facts["pid"] == 7


@pytest.mark.parametrize("verb", ["ensure", "once"])
async def test_a_timeout_is_unknown(verb: str) -> None:
    """Given no end in time, nobody knows what happened, and the sentence says so."""
    wanted = effect(verb, {"argv": ["sleep", "60"]}, timeout_ms=300)
    outcome = await Command().act(wanted, Blobs())
    assert outcome.ending is Ending.UNKNOWN
    assert outcome.because == "no answer within 0.3s; it may still take effect"


async def test_a_reading_keeps_both_streams_and_the_exit_code() -> None:
    """Given a reading that exits badly, it is still evidence: output, errors, code, facts."""
    blobs = Blobs()
    script = "echo '{\"lag\": 7}'; echo noise >&2; exit 4"
    outcome = await Command().act(effect("read", {"argv": ["sh", "-c", script]}), blobs)
    assert outcome.ending is Ending.DONE
    assert outcome.facts == {"lag": 7, "exit_code": 4}
    assert blobs.held[outcome.evidence] == b'{"lag": 7}\n\n--- stderr ---\nnoise\n'


async def test_the_program_learns_key_epoch_and_target(tmp_path: Path) -> None:
    """Given an order, the program can refuse an older one: it is told the number."""
    script = 'printf "%s %s %s" "$ALLSTOP_KEY" "$ALLSTOP_EPOCH" "$ALLSTOP_TARGET" > out'
    wanted = effect("ensure", {"argv": ["sh", "-c", script], "cwd": str(tmp_path)})
    await Command().act(wanted, Blobs())
    assert (tmp_path / "out").read_text() == f"{wanted.id} 5 orders"
