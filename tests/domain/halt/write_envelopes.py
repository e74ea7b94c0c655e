"""Writes the bad envelopes beside this file: `python -m tests.domain.halt.write_envelopes`.

Each is named after the code of its refusal, with what is wrong with it behind two dashes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from allstop.domain.halt.order_text import StandingHalt, StandingOrder, envelope_text, order_text
from tests.domain.halt.keys import COORDINATOR_KEY, HOUR, MALLORY_KEY, NOW, sealed

FOLDER = Path(__file__).parent / "envelopes"
GOOD = StandingOrder(
    "coordinator", "fleet", 42, NOW, NOW + HOUR, (StandingHalt("HALT-3", "INC-7", "SEV1"),)
)


def _said(**change: object) -> str:
    """A text that the coordinator's key really signed, with fields changed or (None) left out."""
    fields = {**json.loads(order_text(GOOD)), **change}
    kept = {name: value for name, value in fields.items() if value is not ...}
    return envelope_text(COORDINATOR_KEY.sign(json.dumps(kept)))


def _raw(text: str) -> str:
    return envelope_text(COORDINATOR_KEY.sign(text))


def _halt(**change: object) -> str:
    halt = json.loads(order_text(GOOD))["halts"][0]
    return _said(halts=[{**halt, **change}])


def envelopes() -> dict[str, str]:
    """By name of the file, without its ending."""
    good = sealed(GOOD)
    whole = json.loads(good)
    return {
        "unreadable--empty": "",
        "unreadable--truncated": good[:-40],
        "unreadable--no-object": '["order"]',
        "unreadable--no-signature": json.dumps({"order": whole["order"], "key": "coordinator"}),
        "unreadable--name-twice": good[:-1] + ',"key":"coordinator"}',
        "unreadable--two-envelopes": good + good,
        "unreadable--endless": "[" * 100_000,
        "unreadable--a-number": '{"order": 1e9, "key": "coordinator", "signature": ""}',
        "unreadable--a-number-of-many-digits": '{"order": ' + "9" * 5000 + "}",
        "unreadable--half-a-character": '{"order": "\\ud800", "key": "coordinator", "signature": "00"}',
        "unknown-key--mallory": sealed(replace(GOOD, issuer="mallory"), MALLORY_KEY),
        "forged--one-letter": good.replace("HALT-3", "HALT-4"),
        "forged--other-signature": json.dumps({**whole, "signature": "00" * 64}),
        "forged--no-hexadecimal": json.dumps({**whole, "signature": "zz"}),
        "forged--by-another-key": json.dumps({
            **whole, "signature": MALLORY_KEY.sign(whole["order"]).signature,
        }),
        "no-order--prose": _raw("all stop!"),
        "no-order--another-version": _said(v=2),
        "no-order--another-kind": _said(kind="checkpoint"),
        "no-order--no-halts": _said(halts=...),
        "no-order--no-number": _said(seq="42"),
        "no-order--number-zero": _said(seq=0),
        "no-order--a-truth-for-a-number": _said(seq=True),
        "no-order--a-number-beyond-all": _said(seq=2**53),
        "no-order--a-fraction": _raw(order_text(GOOD).replace('"seq":42', '"seq":42.0')),
        "no-order--no-zone": _said(not_after="2026-11-21T04:00:00"),
        "no-order--a-time-before-time": _said(at="0001-01-01T00:00:00+14:00"),
        "no-order--for-nobody": _said(audience="host:"),
        "no-order--a-halt-twice": _raw(order_text(replace(GOOD, halts=GOOD.halts * 2))),
        "no-order--a-scope-of-two-lines": _halt(scope="repository:/srv\nend 42"),
        "no-order--a-class-of-its-own": _halt(classes=["shell"]),
        "no-order--three-keys": _halt(keys=3),
        "no-order--halts-are-words": _said(halts=["HALT-3"]),
        "other-issuer--another": sealed(replace(GOOD, issuer="another")),
        "other-audience--another-host": sealed(replace(GOOD, audience="host:web-2")),
        "other-audience--a-longer-name": sealed(replace(GOOD, audience="host:web-10")),
        "stale--an-hour-ago": sealed(replace(GOOD, not_after=NOW - HOUR)),
        "replayed--an-older-number": sealed(replace(GOOD, seq=6)),
    }  # fmt: skip


def main() -> None:
    """Write them all."""
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in envelopes().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
