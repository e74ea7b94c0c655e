"""How far the release of a halt has come, as views show it."""

from __future__ import annotations

from typing import Any

from allstop.application.privacy import Reader
from allstop.domain.deciding.release_stages import alarms
from allstop.domain.halt.releasing import is_guarded, missing, needed
from allstop.domain.halt.state import Halt
from allstop.domain.moment import after
from allstop.domain.policy import PolicyBook
from allstop.domain.world import World


def releasing(world: World, book: PolicyBook, halt: Halt, reader: Reader) -> dict[str, Any]:
    """The fields of a HaltView about its release; nothing for a halt that nobody has asked to end.

    reader: what they may not see is named to them in no sentence.
    """
    if not halt.stands:
        return {}
    if halt.stage and halt.staged_at is not None:
        stages = book.pinned(halt.policy).protocol.all_stop.stages
        watch = next((one.watch_ms for one in stages if one.name == halt.stage), 0)
        return {
            "stage": halt.stage, "stage_until": after(halt.staged_at, watch),
            "alarms": tuple(reader.text(one) for one in alarms(world, halt)),
        }  # fmt: skip
    incident = world.incidents.get(halt.incident)
    needs = needed(book.pinned(halt.policy), incident.severity if incident else "", halt)
    asked = bool(halt.asked_by) and is_guarded(needs)
    return {"waits_for": missing(needs, halt.asked_by, halt.signed)} if asked else {}
