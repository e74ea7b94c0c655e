"""Names that commands give: whom they mean, and whether the fleet has such a service."""

from __future__ import annotations

from allstop.domain.draft import Draft, refuse
from allstop.domain.policy import Policy, Service
from allstop.domain.verdict import nearest


def responder(draft: Draft, policy: Policy, name: str, unknown: str) -> str:
    """`person:ada` or `agent:builder-1`; an id alone will do where only one of the two has it.

    unknown: code of the refusal when nobody is called so.
    """
    known = {f"person:{one.id}" for one in policy.roster.people}
    known |= {f"agent:{one.id}" for one in policy.roster.agents}
    known |= {f"agent:{id}" for id in draft.world.agents}
    meant = sorted(one for one in known if name in (one, one.partition(":")[2]))
    if not meant:
        ids = known if ":" in name else {one.partition(":")[2] for one in known}
        refuse(unknown, f"nobody is called {name}", nearest(name, ids))
    if len(meant) > 1:
        refuse("ambiguous", f"{name} is a person and an agent", " or ".join(meant))
    return meant[0]


def known_service(policy: Policy, name: str) -> Service | None:
    """The service of this name. Refuses one the fleet does not have; with no fleet described, any name is
    taken, as an emergency must not wait for a document."""
    names = [one.name for one in policy.fleet.services]
    if name and names and name not in names:
        refuse("unknown-service", f"the fleet has no service {name}", nearest(name, names))
    return policy.fleet.service(name)
