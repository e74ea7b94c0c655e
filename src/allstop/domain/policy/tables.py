"""Rows of decision tables: classification, remedy, approvals, stop rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.domain.policy.spans import Span

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one fact: `lost_per_hour at_least "10000" USD`.

    op: is | is_not | at_least | more_than | at_most | less_than. Numbers and decimal strings compare
    as numbers; with `unit` (a currency) only amounts of that currency compare. A fact that is
    unknown (None) satisfies only `is` null.
    """

    fact: str
    op: str
    value: Scalar
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ClassificationRow:
    """First row whose conditions all hold gives the severity; no conditions means always."""

    severity: str
    when: tuple[Condition, ...]
    because: str


@dataclass(frozen=True, slots=True)
class RemedyRow:
    """First match wins. remedy: rollback | fix | investigate."""

    remedy: str
    when: tuple[Condition, ...]
    because: str


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """First match wins: who must agree before a plan or a change runs.

    by: grant entries (`role:commander`, `owner`, `office:headmaster`) of which any may sign;
    people: how many different persons must sign, 0 for none; reviewers: roles that must sign it off
    as well; within: how long reviewers have before it is escalated.
    """

    when: tuple[Condition, ...]
    by: tuple[str, ...]
    people: int
    because: str
    reviewers: tuple[str, ...] = ()
    within: Span | None = None


@dataclass(frozen=True, slots=True)
class Approvals:
    """rows: the table; risk: risk level of a purpose or action (isolate, rollback, restart, ...),
    levels: what each risk level means, by number as text."""

    rows: tuple[ApprovalRow, ...] = ()
    risk: dict[str, int] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StopRule:
    """A rule of the response. While a plan runs and its conditions hold, the plan is held and the
    rule is cited. Conditions read the impact facts and the plan facts."""

    id: str
    title: str
    when: tuple[Condition, ...]
    because: str
