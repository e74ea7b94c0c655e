"""Ordered tables over a finite space of situations: gaps, dead rows, doubles.

Every fact is reduced to the few values its tests can tell apart (with `unknown` among them), a row
to the set of values it accepts of each fact. Sets are bit masks, and a row is subtracted from what
the rows before it left over, so the answer is exact without walking through all combinations. What
a test accepts is asked of the core itself (`conditions.holds`): the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from math import prod

from allstop.domain.approvals import APPROVAL_FACTS, HIGHEST_RISK
from allstop.domain.conditions import holds
from allstop.domain.policy import Condition
from allstop.domain.policy.tables import Scalar

# Facts the core always knows: counts of what is seen down, the severity it has decided, what waits for an
# approval, how long a plan has been running, and how many phases it has.
ALWAYS_KNOWN = frozenset({
    "core_functions_down", "functions_down", "severity_rank", "plan_minutes", "plan_phases",
    *APPROVAL_FACTS,
})  # fmt: skip
# More leftover pieces than this are not worth the wait; the checker says so instead.
MOST_PIECES = 20_000
# Neither are more comparisons of a row with a piece than this.
MOST_STEPS = 400_000
_FOREIGN = "XXX"

Situation = dict[str, tuple[Scalar, ...]]
_Box = dict[str, int]


@dataclass(frozen=True, slots=True)
class TableReport:
    """What is wrong with a table.

    dead: row and the earlier row that covers it (None: several together do, -1: its own tests
    exclude each other); doubles: row and the earlier row with the same meaning; gaps: situations no
    row matches, with the values that lead there, only of facts that matter; exact: False when the
    table was too large; situations: how many combinations of values the tests can tell apart, of
    which `uncovered` have no row.
    """

    dead: tuple[tuple[int, int | None], ...] = ()
    doubles: tuple[tuple[int, int], ...] = ()
    gaps: tuple[Situation, ...] = ()
    exact: bool = True
    situations: int = 1
    uncovered: int = 0


def examine(
    rows: Sequence[tuple[Condition, ...]], facts: Mapping[str, str], ranks: int = 4
) -> TableReport:
    """Examine rows in order. facts: sort by name; ranks: how many severities there are."""
    space = _space(rows, facts, ranks)
    full = {fact: (1 << len(points)) - 1 for fact, points in space.items()}
    boxes = [_box(row, space) for row in rows]
    count, steps = _volume(full), 0
    left: list[_Box] = [full]
    dead: list[tuple[int, int | None]] = []
    doubles: list[tuple[int, int]] = []
    for place, box in enumerate(boxes):
        whole = {**full, **box}
        if not all(whole.values()):
            dead.append((place, -1))
            continue
        if not any(_meet(piece, box) for piece in left):
            same = _first(place, boxes, lambda other, mine=whole: {**full, **other} == mine)
            if same is not None:
                doubles.append((place, same))
            else:
                cover = _first(place, boxes, lambda other, mine=whole: _within(mine, other))
                dead.append((place, cover))
            continue
        steps += len(left)
        left = [rest for piece in left for rest in _minus(piece, box)]
        if len(left) > MOST_PIECES or steps > MOST_STEPS:
            return TableReport(tuple(dead), tuple(doubles), (), exact=False, situations=count)
    gaps = tuple(_example(piece, full, space) for piece in left)
    uncovered = sum(_volume(piece) for piece in left)
    return TableReport(tuple(dead), tuple(doubles), gaps, True, count, uncovered)


def truth(row: tuple[Condition, ...], facts: Mapping[str, str], ranks: int = 4) -> str:
    """`never`, `always` or `sometimes`: always is whenever all facts it tests are known."""
    space = _space([row], facts, ranks)
    box = _box(row, space)
    if not all(box.values()):
        return "never"
    unknown = {fact: 1 << points.index(None) for fact, points in space.items() if None in points}
    every = all(
        mask | unknown.get(fact, 0) == (1 << len(space[fact])) - 1 for fact, mask in box.items()
    )
    return "always" if every else "sometimes"


def _volume(piece: _Box) -> int:
    """How many situations a piece holds."""
    return prod(mask.bit_count() for mask in piece.values())


def _first(limit: int, boxes: list[_Box], suits: object) -> int | None:
    assert callable(suits)
    return next((place for place in range(limit) if suits(boxes[place])), None)


def _meet(one: _Box, other: _Box) -> bool:
    return all(one[fact] & mask for fact, mask in other.items())


def _within(inner: _Box, outer: _Box) -> bool:
    return all(inner[fact] & ~mask == 0 for fact, mask in outer.items())


def _minus(piece: _Box, row: _Box) -> list[_Box]:
    """The part of a piece outside a row, as pieces that do not overlap."""
    if not _meet(piece, row):
        return [piece]
    parts = []
    rest = piece
    for fact, mask in row.items():
        if outside := rest[fact] & ~mask:
            parts.append({**rest, fact: outside})
        rest = {**rest, fact: rest[fact] & mask}
    return parts


def _box(row: tuple[Condition, ...], space: Mapping[str, tuple[Scalar, ...]]) -> _Box:
    """The values a row accepts, of the facts it tests."""
    box: _Box = {}
    for condition in row:
        mask = sum(
            1 << place
            for place, value in enumerate(space[condition.fact])
            if holds(condition, {condition.fact: value})
        )
        box[condition.fact] = box.get(condition.fact, mask) & mask
    return box


def _example(piece: _Box, full: _Box, space: Mapping[str, tuple[Scalar, ...]]) -> Situation:
    """A piece as values; facts whose value makes no difference are left out."""
    return {
        fact: tuple(value for place, value in enumerate(space[fact]) if mask >> place & 1)
        for fact, mask in piece.items()
        if mask != full[fact]
    }


def _space(
    rows: Sequence[tuple[Condition, ...]], facts: Mapping[str, str], ranks: int
) -> dict[str, tuple[Scalar, ...]]:
    """The values worth telling apart of every fact that is tested."""
    tests: dict[str, list[Condition]] = {}
    for row in rows:
        for condition in row:
            tests.setdefault(condition.fact, []).append(condition)
    space = {}
    for fact, conditions in tests.items():
        values = _values(fact, facts[fact], conditions, ranks)
        if fact not in ALWAYS_KNOWN:
            values.append(None)
        kept: dict[tuple[bool, ...], Scalar] = {}
        for value in values:
            # Unknown stays apart even where no test tells it from a value: people read of it in gaps.
            seen = (value is None, *(holds(each, {fact: value}) for each in conditions))
            kept.setdefault(seen, value)
        space[fact] = tuple(kept.values())
    return space


def _values(fact: str, sort: str, conditions: list[Condition], ranks: int) -> list[Scalar]:
    if sort == "yes/no":
        return [True, False]
    if sort == "money":
        return _amounts(conditions)
    if sort != "number":
        return list(sort.split("|"))
    low, high = (1, ranks) if fact == "severity_rank" else (0, 10**15)
    if fact == "risk" or fact.endswith("_percent"):
        high = HIGHEST_RISK if fact == "risk" else 100
    found = {low, high}
    for condition in conditions:
        # Facts are whole numbers: the nearest on both sides of a threshold stand for all others.
        for rounding in (ROUND_FLOOR, ROUND_CEILING):
            near = int(decimal(condition.value).to_integral_value(rounding))
            found |= {near - 1, near, near + 1}
    return [value for value in sorted(found) if low <= value <= high]


def _amounts(conditions: list[Condition]) -> list[Scalar]:
    """Around each threshold, per currency, and an amount of a currency nobody tests."""
    found: list[Scalar] = [f"1 {_FOREIGN}"]
    for condition in conditions:
        if condition.unit:
            amount = decimal(condition.value)
            cents = [Decimal(0), amount - Decimal("0.01"), amount, amount + Decimal("0.01")]
            found += [f"{each} {condition.unit}" for each in sorted(cents) if each >= 0]
    return found


def decimal(value: Scalar) -> Decimal:
    """The number in a test's value; zero for what is none (`is: null`)."""
    try:
        return (
            Decimal(str(value)) if value is not None and not isinstance(value, bool) else Decimal(0)
        )
    except InvalidOperation:
        return Decimal(0)


def described(situation: Situation) -> str:
    """`data_loss no, fix_minutes 16 or unknown`."""
    parts = [
        f"{fact} {' or '.join(_word(value) for value in values)}"
        for fact, values in situation.items()
    ]
    return ", ".join(parts) or "any situation"


def _word(value: Scalar) -> str:
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "unknown"}[value]
    return str(value).replace(f"1 {_FOREIGN}", "in another currency")
