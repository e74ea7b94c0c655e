"""Crews: who is available, who fits which crew, and how people are spread over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from allstop.domain.authority import domains_of, team_of
from allstop.domain.halt.lifecycle import SILENT, Hold
from allstop.domain.halt.state import Halt
from allstop.domain.incident.state import Incident
from allstop.domain.policy import CrewRule, Policy
from allstop.domain.principal import Kind, Principal
from allstop.domain.recognition import hit_domains
from allstop.domain.world import World

# Its answer counts only while nothing speaks against it.
TRUSTED = frozenset({Hold.ANSWERED, Hold.CONFIRMED, Hold.ENFORCED, Hold.RELEASED, Hold.RESUMED})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could join a crew. place: on the roster; busy: holds a role of the incident."""

    who: Principal
    team: str
    domains: frozenset[str]
    busy: bool
    place: int


@dataclass(frozen=True, slots=True)
class Formed:
    """Who is proposed for a crew, and why."""

    members: tuple[str, ...]
    because: str


def crews_due(world: World, policy: Policy, incident: Incident) -> bool:
    """Whether there are crews to propose, and the roll call (if there is one) has said who is there."""
    if all(rule.name in incident.crews for rule in policy.protocol.crews):
        return False
    halt = _all_stop(world, incident)
    return halt is None or all(line.state not in SILENT for line in halt.roll.values())


def form_crews(world: World, policy: Policy, incident: Incident) -> dict[str, Formed]:
    """Whom to propose for every crew that was neither proposed nor assigned yet.

    Each crew gets somebody before any gets a second one, and nobody is in two crews unless a crew
    would stay empty otherwise.
    """
    rules = [rule for rule in policy.protocol.crews if rule.name not in incident.crews]
    hit = frozenset(hit_domains(policy, incident.services, incident.domain))
    people = candidates(world, policy, incident)
    able = {rule.name: _ranked(rule, rules, people, hit) for rule in rules}
    taken = {member for crew in incident.crews.values() for member in crew.members}
    free = {
        name: [one for one in ranked if str(one.who) not in taken] for name, ranked in able.items()
    }
    spread = _spread(rules, free)
    found = {}
    for rule in rules:
        # Better one person in two crews than a crew of nobody.
        members = spread[rule.name] or able[rule.name][:1]
        names = tuple(str(one.who) for one in members)
        found[rule.name] = Formed(names, _because(rule, hit, len(able[rule.name])))
    return found


def candidates(world: World, policy: Policy, incident: Incident) -> tuple[Candidate, ...]:
    """People who are not away, then agents who said in the roll call that they are available."""
    present = [Principal(one.id, Kind.PERSON) for one in policy.roster.people if not one.away]
    halt = _all_stop(world, incident)
    lines = halt.roll.values() if halt else ()
    present += [
        Principal(line.agent, Kind.AGENT)
        for line in lines
        if line.available and line.state in TRUSTED
    ]
    holders = set(incident.roles.values())
    return tuple(
        Candidate(
            who, team_in(world, policy, who), _domains(world, policy, who),
            who.kind is Kind.PERSON and who.id in holders, place,
        )
        for place, who in enumerate(present)
    )  # fmt: skip


def team_in(world: World, policy: Policy, who: Principal) -> str:
    """The team of a person or an agent: by the roster, or as the agent was registered."""
    known = world.agents.get(who.id) if who.kind is Kind.AGENT else None
    return team_of(policy, who) or (known.team if known else "")


def _domains(world: World, policy: Policy, who: Principal) -> frozenset[str]:
    """Their own and their team's, also for an agent that registered itself into the team."""
    team = team_in(world, policy, who)
    shared = (found.domains for found in policy.roster.teams if found.name == team)
    return frozenset((*domains_of(policy, who), *(one for domains in shared for one in domains)))


def _all_stop(world: World, incident: Incident) -> Halt | None:
    """The newest all-stop of the incident, whose roll call counts."""
    halts = [halt for halt in world.halts_of(incident.id) if halt.is_all_stop]
    return halts[-1] if halts else None


def _fit(rule: CrewRule, one: Candidate, hit: frozenset[str]) -> int:
    """How well somebody fits: one for the team, one for each domain. 0: not at all."""
    if not (rule.teams or rule.domains or rule.hit_domain):
        return 1
    wanted = frozenset(rule.domains) | (hit if rule.hit_domain else frozenset())
    belongs = one.team in rule.teams or (rule.hit_domain and one.team in hit)
    return len(wanted & one.domains) + belongs


def _ranked(
    rule: CrewRule, rules: Iterable[CrewRule], people: Iterable[Candidate], hit: frozenset[str]
) -> list[Candidate]:
    """Whoever fits, the best first; at equal fitness whoever the others need least."""
    others = [other for other in rules if other is not rule and _is_choosy(other)]

    def order(one: Candidate) -> tuple[int, int, bool, bool, int]:
        wanted = sum(1 for other in others if _fit(other, one, hit))
        machine = one.who.kind is Kind.AGENT
        return (-_fit(rule, one, hit), wanted, one.busy, machine, one.place)

    return sorted((one for one in people if _fit(rule, one, hit)), key=order)


def _is_choosy(rule: CrewRule) -> bool:
    return bool(rule.teams or rule.domains or rule.hit_domain)


def _spread(
    rules: list[CrewRule], free: Mapping[str, list[Candidate]]
) -> dict[str, list[Candidate]]:
    """One for each crew first, as far as that is possible at all; then a further one for each in turn."""
    sized = [rule for rule in rules if rule.size > 0]
    first = _one_each([rule.name for rule in sized], free)
    crews = {rule.name: [first[rule.name]] if rule.name in first else [] for rule in rules}
    used = {one.who for one in first.values()}
    for _ in range(max((rule.size for rule in sized), default=0)):
        for rule in sized:
            following = next((one for one in free[rule.name] if one.who not in used), None)
            if following is not None and len(crews[rule.name]) < rule.size:
                crews[rule.name].append(following)
                used.add(following.who)
    return crews


def _one_each(names: list[str], free: Mapping[str, list[Candidate]]) -> dict[str, Candidate]:
    """As many crews as possible with one person each: whoever came first moves on if they can."""
    holder: dict[Principal, str] = {}

    def seat(name: str, tried: set[Principal]) -> bool:
        for one in free[name]:
            if one.who in tried:
                continue
            tried.add(one.who)
            if one.who not in holder or seat(holder[one.who], tried):
                holder[one.who] = name
                return True
        return False

    for name in names:
        seat(name, set())
    by_who = {one.who: one for ranked in free.values() for one in ranked}
    return {name: by_who[who] for who, name in holder.items()}


def _because(rule: CrewRule, hit: frozenset[str], able: int) -> str:
    sources = []
    if rule.teams:
        sources.append(f"team {', '.join(rule.teams)}")
    if rule.domains:
        sources.append(f"domain {', '.join(rule.domains)}")
    if rule.hit_domain:
        sources.append(f"what is hit: {', '.join(sorted(hit)) or 'no domain that is known'}")
    wanted = "; ".join(sources) or "everybody"
    return f"{able or 'nobody'} available of {wanted}"
