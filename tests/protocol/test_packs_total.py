"""Every table of every built-in protocol answers in every situation, and says one thing only."""

from __future__ import annotations

import pytest

from allstop.protocol import load_protocol, packs, totality


@pytest.mark.parametrize("pack", packs())
def test_the_tables_of_a_pack_have_no_gap_and_no_contradiction(pack: str) -> None:
    found = load_protocol(pack)
    assert found.problems == ()
    assert found.protocol is not None
    reports = totality(found.protocol)
    assert [one.name for one in reports] == ["classification", "remedy", "approvals"]
    for one in reports:
        assert one.exact, f"{one.name} was not searched to its end"
        assert (one.gaps, one.contradictions, one.dead) == (0, 0, 0), one
        assert one.situations >= one.rows > 1
