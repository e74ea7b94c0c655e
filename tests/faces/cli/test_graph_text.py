"""The fleet drawn for a terminal, letter by letter."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.application.fleet_pictures.picture import Picture, picture_of
from allstop.application.fleet_views import fleet_view
from allstop.domain.policy import Fleet
from allstop.faces.cli.graph_text import FINE, PLAIN, draw_text
from allstop.faces.cli.layout import plain, width
from tests.domain.fleet.fleets import HARD, SOFT, STARTUP, random_fleet, service, stateful

SHOP = Fleet(
    (
        service("web", {"payments": HARD, "search": SOFT}, category="revenue", importance=90),
        service("admin", {"payments": HARD}, category="revenue", importance=10),
        service("payments", {"ledger": HARD, "mail": STARTUP}, category="revenue"),
        stateful("ledger", protected=True),
        service("search"),
        service("mail"),
        service("alone"),
    )
)
DRAWN = """\
Whoever stands higher stops earlier; follow a mark along its rail.
● hard: broken without it   ○ soft: degraded   ◌ startup: needed to start
! protected   = data

 1  web      ╌╌●╌╌╌○
    admin    ╌╌●   │
               │   │
 2  payments ◀━┛╌●╌│╌◌
    search   ◀━━━│━┛ │
                 │   │
 3  ledger!= ◀━━━┛   │
    mail     ◀━━━━━━━┛

On their own, in any order: alone
"""


def drawn(fleet: Fleet) -> Picture:
    return picture_of(fleet_view(fleet).services)


def test_the_shop() -> None:
    assert plain(draw_text(drawn(SHOP), 80), 80) == DRAWN


def test_without_letters_for_drawing() -> None:
    text = plain(draw_text(drawn(SHOP), 80, fine=False), 80)
    assert text.isascii()
    assert " 2  payments <=+-H-|-t\n    search   <===|=+ |\n" in text


def test_every_kind_has_its_own_mark() -> None:
    for signs in (FINE, PLAIN):
        assert len(set(signs.marks.values())) == 3


def test_a_circle_is_drawn_upwards_and_named() -> None:
    loop = Fleet((service("a", {"b": HARD}), service("b", {"a": HARD})))
    assert plain(draw_text(drawn(loop), 80), 80).endswith(
        " 1  a ◀━┓╌●\n        │ │\n 2  b ◀━●━┛\n\nIn a circle, drawn upwards: b -> a\n"
    )


def test_what_is_unusual_stands_beside_the_name() -> None:
    picture = drawn(SHOP)
    boxes = tuple(replace(box, standing="stopped" if box.name == "ledger" else "", state="down" if box.name == "web" else "up") for box in picture.boxes)  # fmt: skip
    text = plain(draw_text(replace(picture, boxes=boxes), 80), 80)
    assert "web (down)" in text
    assert "ledger!= (stopped)" in text


def test_nothing_is_drawn_of_nothing() -> None:
    assert plain(draw_text(drawn(Fleet()), 80), 80) == ""


@given(st.integers(0, 10_000), st.integers(0, 60), st.sampled_from([40, 80, 132]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_dependency_is_drawn_or_said(seed: int, size: int, columns: int, fine: bool) -> None:
    """Given any fleet, then no line is too long, and each dependency is a mark above a rail or stands in words."""
    picture = drawn(random_fleet(seed, size, cycles=True))
    text = plain(draw_text(picture, columns, fine=fine), columns)
    assert all(width(line) <= columns for line in text.splitlines())
    rows = _rows(text, picture)
    marks = (FINE if fine else PLAIN).marks
    for box in picture.boxes:
        mine = [one for one in picture.arrows if one.who == box.name]
        if box.name not in rows:
            continue
        line, said = rows[box.name]
        drawn_ = sum(line.count(mark) for mark in marks.values())
        in_words = [one for one in mine if f"{one.whom} ({one.kind})" in said]
        assert drawn_ + len(in_words) == len(mine), (line, said, mine)


def _rows(text: str, picture: Picture) -> dict[str, tuple[str, str]]:
    """Of each service with a line of its own: what is drawn behind its name, and what is said below."""
    found: dict[str, tuple[str, str]] = {}
    names = {box.name for box in picture.boxes}
    last = ""
    body = text.partition("\n\n")[2].partition("On their own")[0]
    for line in body.splitlines():
        match = re.match(r"[ 0-9]{4}([\w.-]+)[!=]*(?: |$)(.*)", line)
        if match and match[1] in names:
            last = match[1]
            found[last] = (match[2], "")
        elif last and ("and needs" in line or line.startswith("        ")):
            found[last] = (found[last][0], found[last][1] + " " + line.strip())
    return found


@pytest.mark.parametrize("size", [200])
def test_a_large_fleet_keeps_to_the_width(size: int) -> None:
    text = plain(draw_text(drawn(random_fleet(5, size)), 80), 80)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "and needs" in text, "what finds no rail is said"
