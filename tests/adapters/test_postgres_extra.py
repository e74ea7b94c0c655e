"""What the optional library means for the adapters, and whether their pages tell the truth."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.adapters.postgresql.bouncer import PgBouncer
from allstop.domain.effects import Ending
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol.project import load
from tests.adapters.worlds import Blobs, effect

PAGES = Path(__file__).resolve().parents[2] / "docs" / "fleet" / "adapters"
PROTOCOL = "schema: allstop/1\nname: shop\nextends: standard\n"
ROSTER = """
schema: allstop/1
people:
  ada: {name: Ada, login: ada, roles: [commander, deputy, operations, communications, scribe], owner: true}
"""
LOADED = """
import sys
from allstop.plugins import InstalledAdapters
adapters = InstalledAdapters()
assert adapters.actuator("postgres") and adapters.probe("postgres") and adapters.probe("pgbouncer")
print("psycopg" in sys.modules)
"""


def test_the_library_is_loaded_only_when_something_is_asked_for() -> None:
    """Given all adapters found, psycopg has not been loaded."""
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], check=False, capture_output=True, text=True
    )
    assert (ended.stdout.strip(), ended.stderr) == ("False", "")


def test_without_the_library_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no psycopg, the adapters are listed as unavailable, with the extra to install; others work."""
    find = importlib.util.find_spec

    def missing(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "psycopg" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    found = InstalledAdapters()
    reasons = found.unavailable()
    mine = {name for name, reason in reasons.items() if "pip install 'allstop[postgres]'" in reason}
    assert mine == {"postgres", "postgres-probe", "pgbouncer"}
    assert found.actuator("command") is not None


async def test_a_library_that_cannot_be_loaded_fails_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given psycopg without the C library it needs, the effect fails with that reason."""
    adapter = Postgres()
    monkeypatch.setitem(sys.modules, "psycopg", None)
    options = {"host": "127.0.0.1", "port": 1, "user": "x"}
    outcome = await adapter.act(effect("checkpoint", options), Blobs())
    assert (outcome.ending, "psycopg cannot be loaded" in outcome.because) == (Ending.FAILED, True)


@pytest.mark.parametrize("page", ["postgres", "pgbouncer"])
def test_the_examples_of_a_page_pass(page: str, tmp_path: Path) -> None:
    """Given the fleet.yaml of a page, checked with the real adapters, nothing in it is a problem."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    for name, body in (("fleet", example[1]), ("protocol", PROTOCOL), ("roster", ROSTER)):
        (tmp_path / f"{name}.yaml").write_text(body, "utf-8")
    loaded = load(tmp_path, catalogue_of(InstalledAdapters()))
    found = [one for one in loaded.problems if one.file == "fleet.yaml"]
    assert [f"{one.line}: {one.code} {one.text}" for one in found] == []
    assert loaded.documents.fleet is not None


@pytest.mark.parametrize(
    ("page", "adapter"), [("postgres", Postgres()), ("pgbouncer", PgBouncer())]
)
def test_a_page_tells_every_verb_and_its_inverse(page: str, adapter: Any) -> None:
    """Given the declared verbs, each has its row on the page, with the verb that undoes it."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|.*\|\s*(`[a-z-]+`)?\s*\|$", text, re.MULTILINE))
    for verb in adapter.info.verbs:
        assert verb.name in rows, verb.name
        assert rows[verb.name] == (f"`{verb.inverse}`" if verb.inverse else ""), verb.name
