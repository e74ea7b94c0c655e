"""What stands beside the incidents: emergency mode, points, and how the protocol itself is kept."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

from allstop.application.privacy import Reader
from allstop.application.standing_shapes import (
    Balance,
    ConfirmationLine,
    ConfirmationsView,
    DrillLine,
    ModeNow,
    PointsView,
    ProtocolView,
    ReadinessLine,
    ReviewLine,
)
from allstop.application.work_shapes import PointsLine
from allstop.application.work_shaping import mode_line, obligation_lines, points_line
from allstop.domain.confirmations import everybody, understanding_words
from allstop.domain.mode import enabled, suspended
from allstop.domain.policy import Drill, Policy
from allstop.domain.world import World

# An incident that was declared with `drill:ID` as its trigger was this drill.
DRILL = "drill"


def mode_now(world: World, reader: Reader) -> ModeNow:
    """What is suspended and enabled now.

    What a hidden incident suspends is suspended for everybody, so it counts, without its name.
    """
    lines = (mode_line(one) for one in reader.incidents())
    on = tuple(line for line in lines if line is not None and line.on)
    return ModeNow(suspended(world), enabled(world), on)


def points_view(world: World, policy: Policy, reader: Reader) -> PointsView:
    """Teams of the roster and every other that was given points, the most points first."""
    entries: list[PointsLine] = [points_line(one, "") for one in world.ledger]
    entries += [points_line(one, found.id) for found in reader.incidents() for one in found.points]
    titles = {team.name: team.title for team in policy.roster.teams}
    sums = Counter(dict.fromkeys(titles, 0))
    for one in entries:
        sums[one.team] += one.points
    balances = (Balance(team, titles.get(team, team), points) for team, points in sums.items())
    return PointsView(
        tuple(sorted(balances, key=lambda one: (-one.points, one.team))),
        tuple(sorted(entries, key=lambda one: one.at, reverse=True)),
    )


def readiness_line(world: World) -> ReadinessLine | None:
    """None until the coordinator has looked for the first time."""
    one = world.readiness
    return ReadinessLine(one.passed, one.since, one.bad, one.failing) if one is not None else None


def late_obligations(reader: Reader, now: datetime) -> int:
    """How many promises are late, over all incidents."""
    return sum(
        1 for found in reader.incidents() for one in obligation_lines(found, now) if one.late
    )


def review_line(policy: Policy, now: datetime) -> ReviewLine:
    """The protocol's own review: due so many days after the last one, late from the day after."""
    rule = policy.protocol.review
    if not rule.every_days:
        return ReviewLine(0, rule.last, None, late=False)
    if not rule.last:
        return ReviewLine(rule.every_days, "", None, late=True)
    last = datetime.combine(date.fromisoformat(rule.last), time(), UTC)
    due = last + timedelta(days=rule.every_days)
    return ReviewLine(rule.every_days, rule.last, due, late=now >= due + timedelta(days=1))


def protocol_view(
    policy: Policy, digest: str, reader: Reader, now: datetime, broken: str = ""
) -> ProtocolView:
    """The protocol that new incidents are declared under, and what keeps it alive.

    broken: why the documents on disk could not be taken, a problem a line; empty when they were.
    """
    rules = policy.protocol
    return ProtocolView(
        rules.name, rules.title, rules.extends, digest, review_line(policy, now),
        tuple(_drill(one, reader, now) for one in rules.drills), _first(broken),
    )  # fmt: skip


def _first(problems: str) -> str:
    """The first of several lines, and how many more there are."""
    first, *more = problems.splitlines() or [""]
    return f"{first} (and {len(more)} more)" if more else first


def confirmations_view(world: World, policy: Policy, now: datetime) -> ConfirmationsView:
    """Everybody whose word the protocol in force may ask for, in the order of the roster."""
    people = (
        ConfirmationLine(
            one.person.id, one.person.name, one.state, one.protocol, one.at, one.until,
            understanding_words(one, policy, now),
        )
        for one in everybody(policy, world.confirmations, now)
    )  # fmt: skip
    rules = policy.protocol
    return ConfirmationsView(
        rules.name, rules.title, rules.preflight.understood_days, tuple(people)
    )


def _drill(rule: Drill, reader: Reader, now: datetime) -> DrillLine:
    held = [one.declared_at for one in reader.incidents() if one.trigger == f"{DRILL}:{rule.id}"]
    last = max(held, default=None)
    due = last + timedelta(days=rule.every_days) if last is not None else None
    return DrillLine(
        rule.id, rule.title, rule.every_days, rule.scenarios, rule.announced, last, due,
        late=bool(rule.every_days) and (due is None or now >= due),
    )  # fmt: skip
