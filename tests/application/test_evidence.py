"""A look by a probe as evidence: whatever it says is kept, and only a look that could not be made has failed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from allstop.application.evidence import evidence_of
from allstop.application.masking import Keeper
from allstop.domain.effects import Ending
from allstop.domain.incident.commands import CollectEvidence
from allstop.domain.policy import Grant
from allstop.domain.samples import Sample
from tests.application.ground import House, told
from tests.application.preflight_world import rules
from tests.domain.builders import ADA


@pytest.mark.parametrize(("good", "text", "ending", "because"), [
    (True, "200 in 12 ms", Ending.DONE, "200 in 12 ms"),
    (False, "503 in 3 ms", Ending.DONE, "bad: 503 in 3 ms"),
    (None, "no route", Ending.FAILED, "no route"),
    (None, "", Ending.FAILED, "the probe could not run"),
    (True, "", Ending.DONE, "good"),
])  # fmt: skip
def test_good_and_bad_are_both_evidence(
    good: bool | None, text: str, ending: Ending, because: str
) -> None:
    keep = Keeper()
    found = evidence_of(Sample("up", good, text), {"status": 503}, keep)
    assert (found.ending, found.because) == (ending, because)
    body = json.loads(keep.blobs[found.evidence])
    assert body == {"probe": "up", "good": good, "text": text, "facts": {"status": 503}}


def test_whatever_a_probe_reads_can_be_kept() -> None:
    """Given facts that the log cannot hold, a broken letter and a password, then the body has them as text, the
    record has those it can hold, and the password is in neither."""
    keep = Keeper()
    facts = {"load": 1.5, "list": [1], "text": "\ud800", "password": "hunter2hunter2", "status": 1}
    found = keep.masked_outcome(evidence_of(Sample("up", True, "fine"), facts, keep))
    body = keep.blobs[found.evidence]
    assert b"1.5" in body
    assert b"hunter2" not in body
    assert found.facts["status"] == 1
    assert "load" not in found.facts
    assert found.facts["password"] == "[masked]"


@told
async def test_a_diagnosis_is_carried_out_by_the_runner(house: House) -> None:
    """Given an incident, when somebody has it diagnosed, then each recipe is looked at once, what a probe says is
    kept with its digest, a bad sample too, and it is not tried again until it is good."""
    plain = rules()
    authority = (*plain.protocol.authority, Grant("evidence", ("person",)))
    await house.begin(replace(plain, protocol=replace(plain.protocol, authority=authority)))
    await house.declare("payments")
    house.outside.samples = {"payments/health": [(False, "503", {"status": 503})]}
    async with house.working(house.runner.run):
        await house.do(CollectEvidence("INC-1", ("payments",), ("health",)), ADA)
        await house.wait(5000)
    piece = house.world.incidents["INC-1"].evidence["payments/health"]
    assert (piece.state, piece.summary) == ("collected", "bad: 503")
    assert piece.facts == {"status": 503, "good": False}
    assert b'"status": 503' in (house.store.blob(piece.sha256) or b"")
    assert house.outside.calls("payments/health") == ["measure"]
