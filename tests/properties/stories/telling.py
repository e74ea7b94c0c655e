"""A whole story from a seed: told, judged, and made as short as it can be."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from allstop.domain.clocks import is_unset, wanted
from allstop.domain.decide import INTERNAL
from allstop.domain.effects import Effect
from allstop.domain.policy import MonitorSettings, Person, Policy
from allstop.domain.principal import TIMEKEEPER
from allstop.domain.react import react
from allstop.domain.world import World
from allstop.protocol import load_protocol, packs
from allstop.protocol.rehearsal.cast import cast_for
from allstop.testing.invariants import check
from allstop.testing.traces import Trace, Violation
from tests.properties.stories.levers import with_levers
from tests.properties.stories.looking import Broken
from tests.properties.stories.playbooks import playbook_for
from tests.properties.stories.pursuits import pursued
from tests.properties.stories.stage import (
    HOUR,
    MINUTE,
    SECOND,
    Again,
    Ask,
    Deed,
    Down,
    Pass,
    Stage,
    Step,
    Swap,
    Watch,
)
from tests.properties.stories.steering import steered
from tests.properties.stories.wishes import WISHES, Wish, anybody

COMMANDS = 50
PACKS = tuple(packs())
_POLICIES: dict[str, Policy] = {}
_PAUSES = (0, 0, 5 * SECOND, 20 * SECOND, MINUTE, 4 * MINUTE, 11 * MINUTE)
_LONG = (20 * MINUTE, HOUR, 5 * HOUR, 26 * HOUR, 80 * HOUR)
_WISHED = tuple(WISHES)
_OUTSIDE = tuple(one for one in WISHES if one not in INTERNAL)


@dataclass
class Told:
    """A story as it went. deeds: what happened, to be told again."""

    pack: str
    seed: int
    stage: Stage
    deeds: list[Deed] = field(default_factory=list)
    violations: tuple[Violation, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """How far it came: every kind of event in it."""
        return frozenset(record.kind for record in self.stage.records)


def policy_of(pack: str) -> Policy:
    """A pack with a cast: a service per class and domain it knows, one that is protected, and deputies."""
    if pack not in _POLICIES:
        protocol = load_protocol(pack).protocol
        assert protocol is not None
        classes = [one.service_class for one in protocol.objectives]
        domains = [domain for crew in protocol.crews for domain in crew.domains]
        about = {"class": (classes or [""])[0], "domain": (domains or ["payments"])[0]}
        gateway = {"protected": "true", "stateful": "true", "class": (classes or [""])[-1]}
        cast = cast_for(
            protocol, {"payments": about, "gateway": gateway, "search": {"stateful": "true"}}
        )
        roles = tuple(rule.name for rule in protocol.roles)
        domain = about["domain"]
        more = (
            Person(
                "ada",
                "Ada",
                "",
                roles,
                (domain,),
                ("to-ada",),
                owner=False,
                team=cast.roster.teams[0].name,
            ),
            Person("ben", "Ben", "", roles[::-1], (), (), owner=False, away=True),
        )
        people = (*cast.roster.people, *more)
        channels = (*cast.roster.channels, replace(cast.roster.channels[0], name="to-ada"))
        fleet = replace(with_levers(cast.fleet), monitor=MonitorSettings(5 * MINUTE, 600_000))
        roster = replace(cast.roster, people=people, channels=channels)
        playbooks = (playbook_for(cast.protocol),)
        _POLICIES[pack] = Policy(cast.protocol, fleet, roster, playbooks)
    return _POLICIES[pack]  # fmt: skip


def stage_for(pack: str, seed: int) -> Stage:
    other = PACKS[(PACKS.index(pack) + 1 + seed % (len(PACKS) - 1)) % len(PACKS)]
    return Stage(policy_of(pack), f"{pack}/{seed}", policy_of(other))


def tell(pack: str, seed: int, commands: int = COMMANDS) -> Told:
    """Tell the story of this seed, and judge it."""
    stage = stage_for(pack, seed)
    chance = Random(f"{pack}/{seed}")
    told = Told(pack, seed, stage)
    # How sure people are of what they do: some stories go straight on, others nowhere.
    sense = chance.choice((0.2, 0.5, 0.7, 0.85))

    def deeds() -> Deed | None:
        if stage.asked >= commands:
            return None
        deed = next_deed(Wish(stage, chance), sense)
        told.deeds.append(deed)
        return deed

    told.violations = _judged(stage, deeds)
    return told


def tell_again(pack: str, seed: int, script: Sequence[Deed]) -> tuple[Violation, ...]:
    """The same with other deeds."""
    rest = iter(script)
    return _judged(stage_for(pack, seed), lambda: next(rest, None))


def _judged(stage: Stage, deeds: object) -> tuple[Violation, ...]:
    assert callable(deeds)
    rest = Rest(stage)
    try:
        while (deed := deeds()) is not None:
            stage.perform(deed)
            rest.look()
    except Broken as broken:
        name, _, what = str(broken).partition(": ")
        return (Violation("story", f"{name}: {what}", f"after {len(stage.records)} records"),)
    except Exception as error:  # noqa: BLE001 (whatever the core raises is what is looked for)
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
        return (Violation("story", f"raised: {type(error).__name__}: {error}", where),)
    return at_end(stage)


def next_deed(y: Wish, sense: float) -> Deed:
    """Time, chance, the world, or somebody who asks."""
    luck = y.chance.random()
    if luck < 0.28:
        return Pass(y.one(_PAUSES) if y.is_so(0.85) else y.one(_LONG))
    if luck < 0.32:
        return Watch(
            y.one((1, 3, 4)), y.one((20 * SECOND, 5 * MINUTE)), y.one((True, True, False, None))
        )
    if luck < 0.34:
        return Step(y.one((-26 * HOUR, -HOUR, -MINUTE, 3 * SECOND, HOUR, 30 * HOUR)))
    if luck < 0.36:
        return Down(y.one((SECOND, 10 * MINUTE, 9 * HOUR, 70 * HOUR)), reboot=y.is_so())
    if luck < 0.39:
        return Again(y.chance.randrange(1000), late=y.is_so())
    if luck < 0.393:
        return Swap()
    if y.chance.random() < sense:
        return pursued(y) if y.is_so(0.25) else steered(y)
    kind = y.one(_WISHED) if y.is_so(0.1) else y.one(_OUTSIDE)
    who = TIMEKEEPER if kind in INTERNAL and y.is_so(0.7) else anybody(y)
    return Ask(WISHES[kind](y), who)  # fmt: skip


@dataclass
class Rest:
    """What holds whenever the timekeeper has looked: nothing is overdue that was not called missed.

    world, first: what was looked at last, and the earliest deadline in it that nobody has missed; while
    the world is that one, only time can have changed the answer.
    """

    stage: Stage
    world: World | None = None
    first: tuple[datetime, str] | None = None

    def look(self) -> None:
        if self.stage.world is not self.world:
            self.world = self.stage.world
            self.first = min(self._to_come(self.world), default=None)
        if self.first is not None and self.first[0] <= self.stage.now.utc:
            raise Broken(f"deadlines: {self.first[1]} was lost")

    def _to_come(self, world: World) -> Iterator[tuple[datetime, str]]:
        for one in world.incidents.values():
            clocks = wanted(world, self.stage.book.pinned(one.policy), one)
            if any(is_unset(one, clock) for clock in clocks):
                raise Broken(f"deadlines: {one.id} has clocks that were not set")
            for clock in clocks:
                if clock.deadline not in one.missed:
                    yield clock.at, f"{clock.deadline} of {one.id}"


def at_end(stage: Stage) -> tuple[Violation, ...]:
    """Every invariant, on records that went through the form in which they are stored."""
    moments = stage.replayed()
    trace = Trace(
        tuple(one.record for one in moments), stage.book, live=stage.world, folded=moments,
        effects=dict.fromkeys(stage.effects, "seen"), turns=tuple(stage.turns), gaps=tuple(stage.gaps),
    )  # fmt: skip
    found = check(trace)
    return (*found, *reacted_again(stage))


def reacted_again(stage: Stage) -> tuple[Violation, ...]:
    """What an entry asks for has the same keys in every later world, and reacting never fails."""
    known: dict[str, Effect] = stage.effects
    again = (
        effect for record in stage.records for effect in react(record, stage.world, stage.book)
    )
    return tuple(
        Violation("S5", f"reacted: {effect.id} was not asked for", effect.stream)
        for effect in again
        if effect.id not in known
    )


def shortest(told: Told) -> list[Deed]:
    """The deeds without which what was found is not found: whole stretches are left out, then single ones."""
    wanted = {_kind(one) for one in told.violations}

    def fails(script: list[Deed]) -> bool:
        return bool(wanted & {_kind(one) for one in tell_again(told.pack, told.seed, script)})

    script, size = list(told.deeds), max(1, len(told.deeds) // 2)
    while size:
        place = len(script)
        while place > 0:
            place = max(0, place - size)
            shorter = script[:place] + script[place + size :]
            if len(shorter) < len(script) and fails(shorter):
                script = shorter
        size //= 2
    return script


def _kind(one: Violation) -> str:
    return one.what.partition(":")[0]
