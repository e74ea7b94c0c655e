"""A file that is put in place of another one stays readable for whoever could read that one, or it is not put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from allstop.adapters.mechanisms.files import replace


def nobody_gives_away(handle: int, user: int, group: int) -> None:
    """What the system says to everybody but root; a group of one's own may be given."""
    if user != -1:
        raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize(("mode", "is_put"), [(0o644, True), (0o640, True), (0o600, False)])
def test_without_the_right_to_give_it_away_nobody_is_shut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, is_put: bool
) -> None:
    """Given a file of another user, when we may not give away what takes its place, then that is done only where the
    group or everybody can read it still; otherwise the old file stays, and nothing lies beside it."""
    path = tmp_path / "flags.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fchown", nobody_gives_away)
    owner = (os.geteuid() + 1, os.getegid())
    if is_put:
        replace(path, "new", mode, owner)
    else:
        with pytest.raises(PermissionError):
            replace(path, "new", mode, owner)
    assert path.read_text() == ("new" if is_put else "old")
    assert list(tmp_path.iterdir()) == [path]
