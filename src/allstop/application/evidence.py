"""What a look by a probe leaves as evidence: a body of its own, good or bad; it decides nothing by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from allstop.application.codec import recordable
from allstop.application.ports import BlobSink
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.samples import Sample

GOOD = "good"


def evidence_of(sample: Sample, facts: Mapping[str, Any], keep: BlobSink) -> Outcome:
    """The outcome of a measurement that was made to see what is wrong. One that could not be made has failed."""
    read = {name: value if recordable(value) else str(value) for name, value in facts.items()}
    said = {"probe": sample.probe, "good": sample.good, "text": sample.text, "facts": read}
    body = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False, default=str)
    digest = keep(f"{body}\n".encode("utf-8", "replace"))
    if sample.good is None:
        return replace(failed(sample.text or "the probe could not run"), evidence=digest)
    text = sample.text or ("good" if sample.good else "bad")
    shown = {name: value for name, value in facts.items() if recordable(value)}
    return done(text if sample.good else f"bad: {text}", {**shown, GOOD: sample.good}, digest)
