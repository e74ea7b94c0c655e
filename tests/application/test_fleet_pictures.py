"""Pictures of the fleet: layers, places, and the four languages they are written in."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.application.fleet_pictures import markup, svg
from allstop.application.fleet_pictures.arranging import arrange
from allstop.application.fleet_pictures.layers import layered
from allstop.application.fleet_pictures.picture import Picture, picture_of
from allstop.application.fleet_views import fleet_view
from allstop.domain.policy import Fleet
from tests.domain.fleet.fleets import HARD, SOFT, STARTUP, random_fleet, service, stateful

SHOP = Fleet(
    (
        service("web", {"payments": HARD, "search": SOFT}, category="revenue"),
        service("payments", {"ledger": HARD, "mail": STARTUP}, category="revenue"),
        stateful("ledger", protected=True),
        service("search", category="customer-facing"),
        service("mail"),
        service("alone", category="analytics"),
    )
)
# The widest of the fonts that are asked for needs so much of its size for a letter.
WIDEST_LETTER = 0.602


def drawn(fleet: Fleet, *around: str) -> Picture:
    return picture_of(fleet_view(fleet).services, around)


def test_who_needs_something_stands_above_it() -> None:
    found = layered(drawn(SHOP))
    assert found.rows == (("web",), ("payments", "search"), ("ledger", "mail"))
    assert found.apart == ("alone",)
    assert not found.up


def test_a_cycle_is_turned_around_where_it_is_not_hard() -> None:
    loop = Fleet((service("a", {"b": HARD}), service("b", {"c": HARD}), service("c", {"a": SOFT})))
    found = layered(drawn(loop))
    assert found.rows == (("a",), ("b",), ("c",))
    assert found.up == {("c", "a")}
    hard = Fleet((service("a", {"b": HARD}), service("b", {"a": HARD})))
    assert layered(drawn(hard)).up == {("b", "a")}


@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(0, 6))
@settings(max_examples=80, deadline=None)
def test_layers_hold_for_any_fleet(seed: int, size: int, widest: int) -> None:
    picture = drawn(random_fleet(seed, size, cycles=True))
    found = layered(picture, widest)
    place = found.place()
    assert sorted([*place, *found.apart]) == sorted(box.name for box in picture.boxes)
    assert all(not widest or len(row) <= widest for row in found.rows)
    for arrow in picture.arrows:
        down = place[arrow.who] < place[arrow.whom]
        assert down != ((arrow.who, arrow.whom) in found.up), f"{arrow.who} -> {arrow.whom}"


@given(st.integers(0, 10_000), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_nothing_lies_upon_anything_else(seed: int, size: int) -> None:
    picture = drawn(random_fleet(seed, size, cycles=True))
    found = arrange(picture, layered(picture, 8), lambda name: 40.0 + 3 * len(name), 10.0)
    for row in found.rows:
        for one, other in pairwise(row):
            assert one.x + one.wide / 2 <= other.x - other.wide / 2 + 0.01
        for spot in row:
            assert spot.x - spot.wide / 2 >= -0.01
            assert spot.x + spot.wide / 2 <= found.width + 0.01
    assert len(found.lines) == len(picture.arrows)


def test_around_a_service_stands_what_it_needs_and_who_needs_it() -> None:
    assert [box.name for box in drawn(SHOP, "payments").boxes] == [
        "payments",
        "web",
        "ledger",
        "mail",
    ]
    assert [box.name for box in drawn(SHOP, "search", "nobody").boxes] == ["web", "search"]
    assert [box.name for box in drawn(SHOP, "search").boxes if box.chosen] == ["search"]


# --- SVG -------------------------------------------------------------------------------------------------

NAMES = (
    "w", "a-name-of-usual-length", "a-very-long-name-that-nobody-would-ever-give_to.a-service-at-all",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "db",
)  # fmt: skip


def unusual() -> Picture:
    """Long names, marks, a state, a standing, a cycle."""
    needs = [
        {NAMES[1]: HARD, NAMES[2]: SOFT},
        {NAMES[4]: HARD},
        {NAMES[3]: STARTUP},
        {},
        {NAMES[0]: HARD},
    ]
    fleet = Fleet(
        tuple(
            stateful(name, need, protected=True, category=category)
            for name, need, category in zip(
                NAMES, needs, ("revenue", "customer-facing", "internal", "analytics", "internal"), strict=True
            )
        )
    )  # fmt: skip
    picture = drawn(fleet, NAMES[1], *NAMES)
    return replace(
        picture,
        boxes=tuple(replace(box, state="down", standing="stopped, isolated, fenced, capacity 60 %") for box in picture.boxes),
    )  # fmt: skip


@pytest.mark.parametrize(
    "picture",
    [drawn(SHOP), drawn(random_fleet(3, 40, cycles=True)), unusual(), drawn(Fleet()), drawn(Fleet((service("a"),)))],
    ids=["shop", "forty", "unusual", "nothing", "one"],
)  # fmt: skip
def test_no_text_reaches_beyond_its_box_or_the_sheet(picture: Picture) -> None:
    """Given the widest letters a reader may have, when it is drawn, then every text lies within its box."""
    root = ET.fromstring(svg.svg(picture))
    names = {"s": "http://www.w3.org/2000/svg"}
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = []
    for group in root.findall("s:g", names):
        box = group.find("s:rect[@class]", names)
        assert box is not None
        left, top = float(box.attrib["x"]), float(box.attrib["y"])
        right, bottom = left + float(box.attrib["width"]), top + float(box.attrib["height"])
        boxes.append((left, top, right, bottom))
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        for text in group.findall("s:text", names):
            size = svg.SIZE if text.attrib["class"] == "name" else svg.SMALL
            x, y = float(text.attrib["x"]), float(text.attrib["y"])
            assert left < x
            assert x + WIDEST_LETTER * size * len(text.text or "") <= right
            assert top + size * 0.8 <= y <= bottom - 2
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            apart = (
                one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            )
            assert apart
    for text in root.findall("s:text", names):
        assert float(text.attrib["x"]) + WIDEST_LETTER * svg.SMALL * len(text.text or "") <= width
    assert "".join(root.itertext()).count("on their own") == bool(layered(picture).apart)


def test_it_says_which_edges_are_which_and_suits_dark_pages() -> None:
    text = svg.svg(drawn(SHOP))
    assert text.count('marker-end="url(#tip-hard)"') == 2 + 1, "two arrows, and the legend"
    assert text.count("stroke-dasharray") == 2 + 2
    assert "prefers-color-scheme:dark" in text
    assert "<script" not in text
    assert svg.svg(drawn(SHOP)) == text


# --- Mermaid and DOT -------------------------------------------------------------------------------------


def test_mermaid_has_every_box_and_arrow() -> None:
    lines = markup.mermaid(drawn(SHOP)).splitlines()
    assert lines[0] == "flowchart TD"
    ids = {
        match[2]: match[1] for line in lines if (match := re.match(r'    (s\d+)\["([a-z]+)', line))
    }
    assert set(ids) == {"web", "payments", "ledger", "search", "mail", "alone"}
    assert f"  {ids['web']} --> {ids['payments']}" in lines
    assert f"  {ids['web']} -.-> {ids['search']}" in lines
    assert f"  {ids['payments']} -. start .-> {ids['mail']}" in lines
    assert f'    {ids["ledger"]}["ledger, protected, data"]' in lines


def test_dot_has_every_box_and_arrow() -> None:
    text = markup.dot(drawn(SHOP))
    assert '"web" -> "payments";' in text
    assert '"web" -> "search" [style="dashed"];' in text
    assert '"payments" -> "mail" [style="dotted" label="start"];' in text
    assert text.startswith("digraph fleet {\n")
    assert text.endswith("}\n")


def test_hostile_words_stay_words() -> None:
    picture = drawn(SHOP)
    evil = '"];</style><script>x</script>&{}'
    boxes = tuple(replace(box, title=evil, standing=evil) for box in picture.boxes)
    picture = replace(picture, boxes=boxes)
    ET.fromstring(svg.svg(picture))
    assert "<script" not in svg.svg(picture)
    for line in markup.mermaid(picture).splitlines():
        if line.startswith("    "):
            assert re.fullmatch(r'    s\d+\["[^"<>{}\[\]]*"\]', line)
    for line in markup.dot(picture).splitlines():
        if "label=" in line:
            assert line.count('"') - line.count('\\"') == 8, "what is quoted ends where it should"
