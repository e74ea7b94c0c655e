"""How an emergency begins: who may declare which kind, and what proposes one."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.policy.tables import Condition


@dataclass(frozen=True, slots=True)
class EmergencyKind:
    """A kind of emergency: a trigger, a halt condition, a disaster recovery.

    when: recognised by these tests of impact facts (empty: only by name); severity: at least this
    bad (empty: as classified); all_stop: halts every agent at any severity; first_responders,
    escalation: people or grant entries, in order (empty: the protocol's own); tell: told at once;
    phase: where the response begins (empty: the first phase).
    """

    name: str
    title: str
    when: tuple[Condition, ...] = ()
    severity: str = ""
    all_stop: bool = False
    first_responders: tuple[str, ...] = ()
    escalation: tuple[str, ...] = ()
    tell: tuple[str, ...] = ()
    phase: str = ""


@dataclass(frozen=True, slots=True)
class ActivationRule:
    """Who may declare. who: a grant entry (`person`, `office:prefect`, `team:red`, `owner`, ...).

    kinds: only these kinds of emergency (empty: any reason at all); own_domain: only when a service
    or the named domain belongs to a domain of theirs; tell: grant entries that hear of it at once.
    """

    who: str
    kinds: tuple[str, ...] = ()
    own_domain: bool = False
    tell: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Alerts whose labels all match. act: `propose` or `declare`."""

    labels: dict[str, str]
    kind: str = ""
    act: str = "propose"


@dataclass(frozen=True, slots=True)
class Activation:
    """who: empty means that the `declare` grants of the authority decide alone.

    phrases: words in a message that propose an activation; confirm: grant entries that are asked, and who
    alone confirm or dismiss (empty: whoever may declare).
    """

    who: tuple[ActivationRule, ...] = ()
    phrases: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    kinds: tuple[EmergencyKind, ...] = ()

    def kind(self, name: str) -> EmergencyKind | None:
        return next((one for one in self.kinds if one.name == name), None)
