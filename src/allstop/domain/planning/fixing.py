"""A fix: a branch of the incident, the least change, its tests, its deployment, five checks.

Whatever of that fails, the service goes back to its last known good release, which is proven as well; these
steps are part of the plan from the beginning, so whoever approves the fix approves the way back.
"""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.draft import refuse
from allstop.domain.fleet.copies import proven_copy
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.ordering import importance_rank
from allstop.domain.moment import between
from allstop.domain.moment import words as duration
from allstop.domain.plan.asked import Outlook
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.filling import slug
from allstop.domain.planning.node_steps import act, gate, step_id
from allstop.domain.planning.returning import (
    Words,
    common_bites,
    direct_probes,
    filled_act,
    function_probes,
    look,
    opening,
    stays_closed,
    times_of,
    words_of,
)
from allstop.domain.planning.rolling_back import (
    back_steps,
    good_release,
    objection,
    restart_of,
    short,
)
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Service

# What a failed step of a node does: the steps that wait for that run, in their order.
FALLBACK = "fallback"
BACK = "fallback-"
# A fix on a branch takes these; one that is made at once takes `fix` alone.
_ON_A_BRANCH = ("branch", "deploy")
_DONE_BY = "operations"


def draw_fix(it: Setting) -> Drawn:
    """Fix one service, and fall back to a rollback of it."""
    service = _service(it)
    words = {**words_of(it), "branch": branch_of(it)}
    steps = _change(it, service, words)
    steps += _own_checks(it, service, (_tail(steps),))
    # What was cut off is opened once it is well: the business cannot be seen to work through a closed door.
    steps += _opening(it, service, (_tail(steps),))
    steps += _outer_checks(it, service, (_tail(steps),))
    back = fallback_steps(it, service)
    time = times_of(it, service, steps)
    node = Node(
        service.name, service.name, (), FALLBACK if back else "hold",
        importance_rank(it.policy.fleet)[service.name], time, service.host, service.zone,
    )  # fmt: skip
    radius = tuple(sorted(blast_radius(it.policy.fleet, (service.name,))))
    where = f" on {words['branch']}" if "branch" in service.actions else ""
    return Drawn(
        f"fix {service.name}{where}, or roll it back",
        (node,),
        (*steps, *back),
        pace(it.policy.fleet.limits),
        _bites(it, service, back),
        Outlook(
            time, time, (service.name,), radius, lacking=_lacking(it, service),
            notes=_notes(it, service, back),
        ),
    )  # fmt: skip


def branch_of(it: Setting) -> str:
    """`incident/INC-1-checkout-times-out`; a private incident keeps its title to itself."""
    words = "fix" if it.incident.private else slug(it.incident.title)
    return f"incident/{it.incident.id}-{words}"


def _service(it: Setting) -> Service:
    chosen = select(it.policy.fleet, it.asked.targets)
    if len(chosen) != 1:
        text = f"a fix is of one service, and {few(chosen) or 'none'} is named"
        refuse("one-service", text, "allstop plan fix SERVICE")
    service = it.policy.fleet.service(chosen[0])
    assert service is not None, "select gives services of the fleet"
    if not _is_branched(service) and "fix" not in service.actions:
        hint = "add actions.branch and actions.deploy, or actions.fix, to fleet.yaml"
        refuse("not-available", f"{service.name} has no fix", hint)
    return service


def _is_branched(service: Service) -> bool:
    return set(_ON_A_BRANCH) <= service.actions.keys()


def _change(it: Setting, service: Service, words: Words) -> list[Step]:
    """The change itself, up to the service running it."""
    steps: list[Step] = []
    if _is_branched(service):
        steps.append(filled_act(service, "branch", words))
        steps.append(_task(it, service, words, steps[-1].id))
        if "test" in service.actions:
            steps.append(filled_act(service, "test", words, (steps[-1].id,)))
        steps.append(filled_act(service, "deploy", words, (steps[-1].id,)))
    else:
        steps.append(filled_act(service, "fix", words))
    changed = steps[-1].id
    if "push" in service.actions and _is_branched(service):
        steps.append(filled_act(service, "push", words, (changed,)))
    if restarts := restart_of(it, service):
        steps.append(act(service, restarts, (changed,)))
    return steps


def _tail(steps: list[Step]) -> str:
    """The last step that others wait for: pushing is waited for by nobody."""
    return next(one.id for one in reversed(steps) if one.action != "push")


def _task(it: Setting, service: Service, words: Words, after: str) -> Step:
    """Somebody makes the change; the plan waits until a person says that it is there."""
    known = {one.name for one in it.policy.protocol.roles}
    role = _DONE_BY if _DONE_BY in known else "commander"
    title = f"commit the fix of {service.name} on {words['branch']}"
    text = (
        "The least change that ends it, and a test that fails without it. Say which commit it is."
    )
    return Step(
        step_id("commit", service.name), "task", title, service.name, (after,),
        options={"role": role, "task": title, "text": text}, node=service.name, action="commit",
    )  # fmt: skip


def _own_checks(it: Setting, service: Service, after: tuple[str, ...]) -> list[Step]:
    """The first three of five checks, one after another, each with its own evidence; those that nothing makes are
    named. Its log comes last: what the broken one wrote until the restart is older by then than the window of the gate.
    """
    name = service.name
    steps = _seen(service, "started", "running", f"check 1: {name} runs", after)
    title, probes = f"check 2: {name} itself is well", direct_probes(it.policy, service)
    steps += _check(it, name, "healthy", title, probes, _last(steps) or after)
    title = f"check 3: no new errors in the log of {name}"
    return [*steps, *_seen(service, "quiet", "quiet", title, _last(steps) or after)]


def _seen(
    service: Service, proof: str, check: str, title: str, after: tuple[str, ...]
) -> list[Step]:
    if proof not in service.verify:
        return []
    seen = look(service, proof, {}, title, after)
    return [replace(seen, id=step_id(f"check-{check}", service.name))]


def _outer_checks(it: Setting, service: Service, after: tuple[str, ...]) -> list[Step]:
    """The two that see what becomes of others."""
    name = service.name
    functions = ", ".join(one.title for one in it.policy.fleet.functions if name in one.services)
    title, probes = f"check 4: {functions}", function_probes(it.policy, (name,))
    steps = _check(it, name, "functions", title, probes, after)
    title = f"check 5: whoever needs {name} is well"
    return [*steps, *_check(it, name, "others", title, _others(it, service), _last(steps) or after)]


def _check(
    it: Setting, name: str, check: str, title: str, probes: tuple[str, ...], after: tuple[str, ...]
) -> list[Step]:
    id = step_id(f"check-{check}", name)
    return [gate(it.policy, name, id, title, probes, after)] if probes else []


def _last(steps: list[Step]) -> tuple[str, ...]:
    return (steps[-1].id,) if steps else ()


def _opening(it: Setting, service: Service, after: tuple[str, ...]) -> list[Step]:
    standing = it.world.standing_of(service.name)
    return opening(it.policy, service, standing.closed, standing.capacity, after)


def _others(it: Setting, service: Service) -> tuple[str, ...]:
    """Probes of those who need the service and are not stopped: nothing else may have broken."""
    needing = blast_radius(it.policy.fleet, (service.name,))
    return tuple(
        probe
        for one in it.policy.fleet.services
        if one.name in needing and not it.world.standing_of(one.name).stopped
        for probe in direct_probes(it.policy, one)
    )


def fallback_steps(it: Setting, service: Service) -> list[Step]:
    """The rollback that runs when the fix has failed; nothing where there is no release to go back to."""
    if objection(it, service) is not None:
        return []
    release = good_release(it.world, service.name)
    steps = back_steps(it, service, release, prefix=BACK)
    name, policy = service.name, it.policy

    def judge(id: str, title: str, probes: tuple[str, ...]) -> None:
        if probes:
            step = gate(policy, name, f"{BACK}{step_id(id, name)}", title, probes, (_tail(steps),))
            steps.append(step)

    judge("gate", f"recovery gate: {name} itself", direct_probes(policy, service))
    # Whether the fix has come so far as to open it is not known now; to open it again does no harm.
    steps += _once_more(_opening(it, service, (_tail(steps),)))
    judge("gate-functions", f"what {name} serves works", function_probes(policy, (name,)))
    return [replace(one, latent=True) for one in steps]


def _once_more(steps: list[Step]) -> list[Step]:
    """Steps that the fix has as well, named apart from those. At the end: how much a `scale` gives is read from the
    beginning of its name."""
    names = {one.id: f"{one.id}-{FALLBACK}" for one in steps}
    return [
        replace(one, id=names[one.id], after=tuple(names.get(each, each) for each in one.after))
        for one in steps
    ]


def _bites(it: Setting, service: Service, back: list[Step]) -> tuple[Bite, ...]:
    found = common_bites(it, (service,))
    if not back:
        reason = objection(it, service)
        found.append(Bite("no-way-back", service.name, reason.text if reason else ""))
    if service.stateful and "fix" in service.actions and not _is_branched(service):
        limit = it.policy.fleet.limits.backup_ms
        copy = proven_copy(it.world.copies, service.name)
        if copy is None or between(copy.proven_at or copy.taken_at, it.now) > limit:
            text = f"no copy of its data was proven within {duration(limit)}: allstop plan snapshot {service.name}"
            found.append(Bite("data-unproven", service.name, text))
    return tuple(dict.fromkeys(found))


def _lacking(it: Setting, service: Service) -> tuple[str, ...]:
    name = service.name
    found = []
    if _is_branched(service) and "test" not in service.actions:
        found.append(f"{name}: no test, so the fix is deployed untested")
    wanted = {
        "1, that it runs (verify.started)": "started" in service.verify,
        "2, its own probes": bool(direct_probes(it.policy, service)),
        "3, its log (verify.quiet)": "quiet" in service.verify,
        "4, the functions of the business": bool(function_probes(it.policy, (name,))),
        "5, whoever needs it": bool(_others(it, service)),
    }
    found += [f"{name}: no check {one}" for one, there in wanted.items() if not there]
    return (*found, *stays_closed(service, it.world.standing_of(name).closed))


def _notes(it: Setting, service: Service, back: list[Step]) -> tuple[str, ...]:
    if not back:
        return ()
    release = short(good_release(it.world, service.name))
    return (f"if anything of it fails, {service.name} goes back to {release} by itself",)
