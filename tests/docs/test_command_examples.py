"""The fleets of the page on systemd and Kubernetes are ones that Allstop takes, and can stop and prove."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load
from tests.docs.test_returning_page import PROTOCOL, ROSTER

PAGE = Path(__file__).resolve().parents[2] / "docs/fleet/adapters/systemd-and-kubernetes.md"
EXAMPLES = re.findall(r"## (\w+)\n.*?```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(("name", "fleet"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_passes_without_a_remark(name: str, fleet: str, tmp_path: Path) -> None:
    """Given the fleet of the page, checked with the real adapters, then nothing in it is a problem, and every service
    can be stopped, killed and started, with a proof of each."""
    assert [one for one, _ in EXAMPLES] == ["systemd", "Kubernetes"]
    for part, text in (("fleet", fleet), ("protocol", PROTOCOL), ("roster", ROSTER)):
        (tmp_path / f"{part}.yaml").write_text(text, "utf-8")

    loaded = load(tmp_path, catalogue_of(InstalledAdapters()))

    found = [one for one in loaded.problems if one.file == "fleet.yaml"]
    assert [f"{name} {one.line}: {one.code} {one.text}" for one in found] == []
    document = loaded.documents.fleet
    assert document is not None
    assert document.model is not None
    for service in document.model.services.values():
        assert {"stop", "kill", "start"} <= service.actions.keys()
        assert {"stopped", "started"} <= service.verify.keys()
