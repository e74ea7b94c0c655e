"""Times as people write them."""

from datetime import UTC, datetime

import pytest

from allstop.faces.cli.times import moment, written
from tests.faces.cli.recorded import NOW


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-12-01T10:00Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T10:00:30+01:00", "2026-12-01T09:00:30Z"),
        ("2026-12-01", "2026-12-01T23:59:59Z"),
        ("in 3d", "2026-11-24T03:04:10Z"),
        ("  in   2h30m ", "2026-11-21T05:34:10Z"),
        ("6h", "2026-11-21T09:04:10Z"),
        ("1w 2d", "2026-11-30T03:04:10Z"),
        ("20m ago", "2026-11-21T02:44:10Z"),
    ],
)
def test_what_can_be_written(text: str, found: str) -> None:
    assert written(moment(text, NOW)) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "in", "soon", "3", "-3d", "3d3d", "in 3d ago", "2026-13-01", "2026-12-01T10:00", "2026-02-30", "12:00",
        "9999999999999w", "900000w", "900000w ago", "9999-12-31T23:00-05:00", "0001-01-01T00:00+23:00", "\x1b[2J", "３d",
    ],
)  # fmt: skip
def test_what_cannot_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time; one is|names no zone|is too far away"):
        moment(text, NOW)


def test_an_instant_does_not_depend_on_the_zone_of_the_clock() -> None:
    assert moment("2026-12-01", NOW) == datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)
