"""What systemctl can do to a unit, and what it says of it."""

from __future__ import annotations

from allstop.protocol.fleet_import.draft import Draft, Service
from allstop.protocol.fleet_import.sources import Origin
from allstop.protocol.fleet_import.spans import written

KIND = "systemd"
_MARGIN_MS = 10_000
_USUAL_MS = 90_000


def place_actions(
    draft: Draft, service: Service, unit: str, spent: dict[str, tuple[int, Origin]], why: str,
    *, kill: bool = False, once: bool = False,
) -> None:  # fmt: skip
    """Stop, start, restart and perhaps kill; probes and proofs by what systemctl says.

    spent: how long a stop and a start may take, and where that stands; once: it runs once and ends, so that
    nothing is wrong when it is not active.
    """
    origins = [service.origin]
    for action in ("stop", "start", *(() if once else ("restart",)), *(("kill",) if kill else ())):
        took = spent.get(action)
        limit = (took[0] if took else _USUAL_MS) + _MARGIN_MS
        words = ["kill", "--signal=KILL", unit] if action == "kill" else [action, unit]
        value = {
            "adapter": "command", "verb": "ensure",
            "timeout": written(limit if action != "kill" else 20_000),
            "options": {"argv": ["systemctl", *words]},
        }  # fmt: skip
        service.put(("actions", action), value, [*origins, *([took[1]] if took else [])], why)
    argv = ["systemctl", "is-active"]
    active = {"adapter": "command", "timeout": "5s", "options": {"argv": [*argv, "--quiet", unit]}}
    if not once:
        service.put(("probes", draft.probe_name(service, "active")), active, origins, why)
        service.put(("verify", "started"), active, origins, why)
    # It says inactive, and ends with 3, of a unit that was stopped and has not failed.
    stopped = {
        "adapter": "command", "timeout": "5s",
        "options": {"argv": [*argv, unit], "expect_exit": 3, "expect_output": "inactive"},
    }  # fmt: skip
    service.put(("verify", "stopped"), stopped, origins, why)
