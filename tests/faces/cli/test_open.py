"""Links into the console: for this machine, and for a phone, read from a message or from the screen."""

from __future__ import annotations

import sys

import pytest
import segno

from allstop.faces.cli.qr import QUIET_ZONE, drawn
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded

LINK = {"url": "http://127.0.0.1:7411/enter?code=x-1_y"}
OUTSIDE = "https://allstop.example.org/enter?code=x-1_y"
PLACE = ("--at", "https://allstop.example.org")


@pytest.fixture
def links(book: Recorded) -> Recorded:
    book.answer("POST /console-link", LINK)
    return book


def test_a_link_for_this_machine_is_as_it_was(allstop: Run, links: Recorded) -> None:
    ran = allstop("open")
    assert (ran.out, ran.err) == (f"{LINK['url']}\n", "")
    assert links.last.body == {}


def test_a_link_for_a_phone_leads_where_the_phone_can_go(allstop: Run, links: Recorded) -> None:
    ran = allstop("open", "--for-halting", *PLACE)
    assert ran.out == f"{OUTSIDE}\n"
    assert "it signs in and stops nobody" in ran.err
    assert links.last.body == {"halting": True}
    assert allstop("open", "--for-halting", *PLACE, "-q").err == ""
    assert OUTSIDE in allstop("open", "--for-halting", *PLACE, "--json").out


def test_a_link_no_phone_can_follow_says_so(allstop: Run, links: Recorded) -> None:
    assert "a phone does not reach 127.0.0.1:7411" in allstop("open", "--for-halting").err
    told = allstop("open", "--for-halting", "--at", "http://10.0.0.7:8000/")
    assert told.out == "http://10.0.0.7:8000/enter?code=x-1_y\n"
    assert "no TLS" in told.err


@pytest.mark.parametrize(
    "at",
    ["allstop.example.org", "https://", "https://a/b", "https://u@a", "ftp://a", "https://a b"],
)
def test_what_is_no_address_makes_no_link(allstop: Run, links: Recorded, at: str) -> None:
    asked = len(links.asked)
    assert allstop("open", "--for-halting", "--at", at).code == 2
    assert len(links.asked) == asked


def dots(lines: list[str], ink: bool) -> list[list[bool]]:
    """The modules that half blocks show; ink: what is drawn is dark."""
    upper = [[(one in "█▀") is ink for one in line] for line in lines]
    lower = [[(one in "█▄") is ink for one in line] for line in lines]
    return [row for pair in zip(upper, lower, strict=True) for row in pair]


@pytest.mark.parametrize("coloured", [True, False])
def test_what_is_drawn_is_the_code_with_quiet_around_it(coloured: bool) -> None:
    lines = drawn(OUTSIDE, coloured=coloured)
    if coloured:
        assert all(one.startswith("\x1b[30;107m") and one.endswith("\x1b[0m") for one in lines)
        lines = [one.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m") for one in lines]
    code = segno.make_qr(OUTSIDE, error="m")
    wanted = [[bool(one) for one in row] for row in code.matrix_iter(border=QUIET_ZONE)]
    found = dots(lines, ink=coloured)
    assert found[: len(wanted)] == wanted
    # an odd number of rows leaves half a line: light, as the zone around it
    assert not any(one for row in found[len(wanted) :] for one in row)
    assert len({len(one) for one in lines}) == 1


def test_the_code_stands_below_the_link(allstop: Run, links: Recorded) -> None:
    ran = allstop("open", "--for-halting", *PLACE, "--qr")
    assert ran.out.splitlines() == [OUTSIDE, *drawn(OUTSIDE, coloured=False)]


def test_without_the_extra_no_link_is_made(
    allstop: Run, links: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    asked = len(links.asked)
    ran = allstop("open", "--for-halting", "--qr")
    assert ran.code == 4
    assert "pip install 'allstop[qr]'" in ran.err
    assert len(links.asked) == asked
