"""How often the whole preflight is run: as the protocol says, a quarter of an hour otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load, starter


@pytest.mark.parametrize(("said", "every_ms"), [
    ("", 900_000), ("preflight: {every: 5m}\n", 300_000), ("preflight: {every: 0s}\n", 0),
])  # fmt: skip
def test_it_is_run_as_often_as_the_protocol_says(tmp_path: Path, said: str, every_ms: int) -> None:
    for name, text in starter("mine", "root").items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "protocol.yaml").write_text(
        f"schema: allstop/1\nname: mine\nextends: standard\n{said}", "utf-8"
    )
    found = load(tmp_path, catalogue_of(InstalledAdapters()))
    assert found.policy is not None, found.problems
    assert found.policy.protocol.preflight.every_ms == every_ms
    assert "backups" in found.policy.protocol.preflight.checks, "its checks are inherited"
