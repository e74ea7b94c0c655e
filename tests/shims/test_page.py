"""What docs/agents/shims.md shows can be typed, and was tried with the versions it names."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/agents/shims.md").read_text("utf-8")
FRAMEWORKS = {
    "Claude Agent SDK": "claude-agent-sdk",
    "OpenAI Agents SDK": "openai-agents",
    "LangGraph": "langgraph",
    "CrewAI": "crewai",
    "Microsoft Agent Framework": "agent-framework-core",
    "Google ADK": "google-adk",
}


def test_each_import_on_the_page_is_one() -> None:
    imports = re.findall(r"from (allstop[\w.]*) import ([\w, ]+\w)", PAGE)
    assert len(imports) >= 9
    for module, names in imports:
        for name in names.split(", "):
            assert hasattr(import_module(module), name), f"{module} has no {name}"


@pytest.mark.parametrize("title", FRAMEWORKS)
def test_the_version_on_the_page_is_the_one_that_is_tried(title: str) -> None:
    pins = "".join(path.read_text("utf-8") for path in (ROOT / "requirements").glob("shims*.txt"))
    pinned = re.search(rf"^{FRAMEWORKS[title]}==([^ ]+)", pins, re.MULTILINE)
    assert pinned
    assert f"| {title} | {pinned[1]} |" in PAGE


def test_each_framework_has_its_translation_its_program_and_its_place_on_the_page() -> None:
    shims = {path.stem for path in (ROOT / "src/allstop/shims").glob("*.py")}
    programs = {path.stem for path in (ROOT / "tests/shims/programs").glob("with_*.py")}
    named = set(re.findall(r"from allstop\.shims\.(\w+) import", PAGE)) - {"checking"}
    assert named == shims - {"__init__", "checking", "guard", "standing"}
    assert programs == {f"with_{name}" for name in named}
