"""How a step that is done is taken back: its inverse, with what its plan has seen in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from allstop.domain.fleet.copies import NAME, PROVES
from allstop.domain.plan.events import Inverse, Step
from allstop.domain.plan.state import Plan
from allstop.domain.planning.filling import PLAIN_NAME, filled_in, has_word

# What a step that put another release in place reports: the one that was there before.
WAS = "was"
_CHANGES_RELEASE = ("rollback", "deploy")
# Done once more behind that, so that what is in place runs and is known elsewhere.
_ONCE_MORE = ("push", "restart")


def in_order(done: list[Step]) -> list[Step]:
    """Steps in the order in which they are taken back; given the newest first."""
    mine = by_service(done)
    later = [one for one in done if _is_done_again(one, mine[one.service])]
    again = {one.id for one in later}
    return [one for one in done if one.id not in again] + later[::-1]


def by_service(done: Iterable[Step]) -> dict[str, list[Step]]:
    """The steps of each service, in the order in which they are given."""
    found: dict[str, list[Step]] = {}
    for one in done:
        found.setdefault(one.service, []).append(one)
    return found


def _is_done_again(step: Step, mine: list[Step]) -> bool:
    return step.action in _ONCE_MORE and any(
        one.action in _CHANGES_RELEASE and one.inverse is not None for one in mine
    )


def inverse_of(plan: Plan, step: Step, mine: list[Step]) -> Inverse | None:
    """What takes a step back, or None: where it has no inverse, where the plan has not seen what the inverse has
    to name (the release that ran before, the copy of what was there), and where that would be no name.

    mine: all steps of the same service that are taken back.
    """
    if _is_done_again(step, mine):
        return _again(plan, step, mine)
    one = _put_back(plan, step)
    again = any(each.action == "restart" and _is_done_again(each, mine) for each in mine)
    if one is not None and step.action in _CHANGES_RELEASE and again:
        # What runs is seen once it has been restarted, not before.
        return replace(one, proof=None)
    return one


def _again(plan: Plan, step: Step, mine: list[Step]) -> Inverse:
    """The step itself, once more; behind a restart it is looked at which release runs."""
    proofs = (
        found.proof
        for one in mine
        if one.action in _CHANGES_RELEASE and (found := _put_back(plan, one)) is not None
    )
    seen = next((one for one in proofs if one is not None), None)
    proof = seen if step.action == "restart" and seen is not None else step.proof
    return Inverse(step.action, step.adapter, step.verb, dict(step.options), step.timeout_ms, proof)


def _put_back(plan: Plan, step: Step) -> Inverse | None:
    one = step.inverse
    if one is None:
        return None
    words = {}
    if has_word(one.options, "release"):
        words["release"] = str(plan.standing(step.id).facts.get(WAS, ""))
    if has_word(one.options, "copy"):
        words["copy"] = _copy_of(plan, step)
    if not all(PLAIN_NAME.fullmatch(name) for name in words.values()):
        return None
    words["until"] = ""
    proof = one.proof
    if proof is not None:
        proof = replace(proof, options=filled_in(proof.options, words))
    return replace(one, options=filled_in(one.options, words), proof=proof)


def _copy_of(plan: Plan, step: Step) -> str:
    """The copy that the plan itself made of the service's data, if it was proven."""
    proven = (
        plan.standing(one.id).facts.get(NAME, "")
        for one in plan.steps
        if one.service == step.service and one.action == PROVES
    )
    return str(next(proven, ""))
