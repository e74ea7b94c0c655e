"""How long an action of a service takes: as learned, else as written, else by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allstop.domain.policy import Service

# What is taken for an action nobody knows anything about, in milliseconds.
BY_KIND: dict[str, int] = {
    "isolate": 2_000, "reopen": 2_000, "quiesce": 2_000, "unquiesce": 1_000, "drain": 10_000,
    "undrain": 1_000, "fence": 2_000, "unfence": 2_000, "flush": 5_000, "snapshot": 60_000,
    "verify-snapshot": 60_000, "stop": 10_000, "kill": 2_000, "start": 15_000, "restart": 20_000,
    "rollback": 15_000, "fix": 60_000, "restore": 300_000, "scale": 5_000, "push": 10_000,
    "branch": 2_000, "test": 120_000, "deploy": 15_000,
}  # fmt: skip
OTHER_MS = 5_000
# How many of the newest durations count, and which of them is expected.
KEPT, PERCENTILE = 20, 90

Durations = Mapping[str, tuple[int, ...]]


def key(service: str, action: str) -> str:
    """Under which durations are kept."""
    return f"{service}/{action}"


def expected_ms(learned: Durations, service: Service, action: str) -> int:
    """The 90th percentile of the newest durations (nearest rank); what the fleet says; what its kind takes."""
    known = learned.get(key(service.name, action), ())
    if known:
        ranked = sorted(known)
        return ranked[max(0, -(-len(ranked) * PERCENTILE // 100) - 1)]
    written = service.takes_ms.get(action)
    return written if written is not None else BY_KIND.get(action, OTHER_MS)


def all_expected_ms(learned: Durations, service: Service, actions: Iterable[str]) -> int:
    """Of several actions one after another."""
    return sum(expected_ms(learned, service, action) for action in actions)
