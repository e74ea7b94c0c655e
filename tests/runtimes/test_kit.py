"""What agents are given to know Allstop: the skills keep to their specification, and nothing in the kit is untrue of this version."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from skills_ref import validate  # type: ignore[import-untyped]

from allstop import __version__
from allstop.errors import Invalid
from allstop.faces.cli.entry import command_group
from allstop.gate import gate_path
from allstop.gate.decision import REPORT_TOOLS, Asked, asked
from allstop.gate.state_file import StandingHalt, State, render
from allstop.runtimes.kit import SKILLS, KitFile, agents_text, kit_files, skill
from tests.gate.running import BOOT

CLIENTS = {
    "claude": "claude/allstop/hooks/hooks.json",
    "codex": "codex/allstop/hooks/hooks.json",
    "gemini": "gemini/allstop/hooks/hooks.json",
}
ROOTS = ("${CLAUDE_PLUGIN_ROOT}", "${extensionPath}")


@pytest.fixture
def kit(tmp_path: Path) -> dict[str, KitFile]:
    """The kit, by path, written to `tmp_path / "kit"` for a folder with a blank in its name."""
    files = kit_files(tmp_path / "the state")
    for one in files:
        path = tmp_path / "kit" / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content)
    return {one.path: one for one in files}


def texts(kit: dict[str, KitFile]) -> dict[str, str]:
    return {name: one.content.decode() for name, one in kit.items() if name.endswith(".md")}


def hooks(kit: dict[str, KitFile], client: str) -> dict[str, list[str]]:
    """The words each event of a client starts, as a shell would take them apart."""
    found: dict[str, Any] = json.loads(kit[CLIENTS[client]].content)["hooks"]
    started = {}
    for event, (group,) in found.items():
        (hook,) = group["hooks"]
        line = [hook["command"], *hook["args"]] if "args" in hook else shlex.split(hook["command"])
        started[event] = line
    return started


@pytest.mark.parametrize("name", SKILLS)
def test_a_skill_keeps_to_the_specification(
    kit: dict[str, KitFile], tmp_path: Path, name: str
) -> None:
    folders = [path.parent for path in (tmp_path / "kit").rglob(f"{name}/SKILL.md")]
    assert len(folders) == 4, "by itself, and in each plugin"
    for folder in folders:
        assert validate(folder) == []


def test_the_lines_for_a_repository_are_few() -> None:
    assert len(agents_text().splitlines()) <= 8


def test_every_tool_a_text_names_is_one_that_stays_open(kit: dict[str, KitFile]) -> None:
    named = {
        word for text in texts(kit).values() for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text)
    }
    assert named == set(REPORT_TOOLS), "each is explained, and none that is not there"


def test_every_command_a_text_names_is_one_of_this_version(kit: dict[str, KitFile]) -> None:
    named = {
        line
        for text in texts(kit).values()
        for line in re.findall(r"`?\b(allstop (?!for)[a-z][a-z ]*)", "\n".join(quoted(text)))
    }
    assert {line.split()[1] for line in named} >= {"agents", "host", "mcp", "run", "token"}
    for line in named:
        assert leads_somewhere(line.split()[1:]), line


def quoted(text: str) -> list[str]:
    """What stands in a text as something to type."""
    return re.findall(r"`([^`\n]+)`", text)


def leads_somewhere(words: list[str]) -> bool:
    command: click.Command | None = command_group({})
    for word in words:
        if not isinstance(command, click.Group):
            return True  # the rest are its arguments
        command = command.get_command(click.Context(command), word)
        if command is None:
            return False
    return True


def test_a_command_that_is_not_there_is_found_out() -> None:
    assert not leads_somewhere(["agents", "obey"])
    assert leads_somewhere(["host", "join", "somewhere"])


def test_whoever_reads_about_a_plugin_is_told_that_it_does_not_enforce(
    kit: dict[str, KitFile],
) -> None:
    pages = [text for name, text in texts(kit).items() if name.endswith("README.md")]
    assert len(pages) == 4
    for page in pages:
        assert "**Only managed settings enforce.**" in page


def test_each_plugin_bears_the_version_of_allstop(kit: dict[str, KitFile]) -> None:
    manifests = [
        "claude/allstop/.claude-plugin/plugin.json",
        "codex/allstop/.codex-plugin/plugin.json",
        "gemini/allstop/gemini-extension.json",
    ]
    assert {json.loads(kit[one].content)["version"] for one in manifests} == {__version__}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_asks_the_gate_before_tools_and_prompts_and_tells_it_what_happened(
    kit: dict[str, KitFile], tmp_path: Path, client: str
) -> None:
    started = hooks(kit, client)
    assert sorted(asked(event).value for event in started) == [
        *("fact", "fact", "fact"),
        "prompt",
        "tool",
    ]
    for event, words in started.items():
        assert words[0] == "/bin/sh"
        assert words[1].endswith("}/bin/allstop-gate")
        assert words[2:6] == ["--runtime", client, "--state", str(tmp_path / "the state")]
        told = asked(event) is Asked.FACT
        assert words[6:] == (["--event", event] if told else [])


@pytest.mark.parametrize("client", CLIENTS)
def test_the_hooks_of_a_plugin_start_this_very_gate_and_it_refuses(
    kit: dict[str, KitFile], tmp_path: Path, client: str
) -> None:
    """Given a halt, when the client starts what the plugin names, then the call is refused; under none it is let through."""
    gate = kit[f"{client}/allstop/bin/allstop-gate"]
    assert gate.program
    assert gate.content == gate_path().read_bytes()
    (tool,) = (words for event, words in hooks(kit, client).items() if asked(event) is Asked.TOOL)
    root = str(tmp_path / "kit" / client / "allstop")
    started = [word.replace(one, root) for word in tool for one in ROOTS if one in word]
    line = [tool[0], *started, *tool[2:]]
    folder = tmp_path / "the state"
    folder.mkdir()
    said = []
    for halts in ((), (StandingHalt("HALT-3", "INC-7", "SEV1", ("default",), "all"),)):
        (folder / "state").write_text(render(State(42, BOOT, halts=halts)), "utf-8")
        ran = subprocess.run(
            line, input=b'{"tool_name":"Odd","tool_input":{}}', capture_output=True, check=False
        )
        said.append(ran.stdout + ran.stderr)
    assert said[0] == b""
    assert b"HALT-3 stands for INC-7 (SEV1)" in said[1]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_plugin_whose_gate_is_gone_refuses(
    kit: dict[str, KitFile], tmp_path: Path, client: str
) -> None:
    (tool,) = (words for event, words in hooks(kit, client).items() if asked(event) is Asked.TOOL)
    line = [tool[0], str(tmp_path / "gone" / "allstop-gate"), *tool[2:]]
    ran = subprocess.run(line, input=b"{}", capture_output=True, check=False)
    assert ran.returncode in (2, 127), "2 from dash, 127 from bash"
    assert ran.stderr


@pytest.mark.parametrize("client", ["claude", "codex"])
def test_a_marketplace_leads_to_its_plugin(
    kit: dict[str, KitFile], tmp_path: Path, client: str
) -> None:
    places = {"claude": ".claude-plugin", "codex": ".agents/plugins"}
    (plugin,) = json.loads(kit[f"{places[client]}/marketplace.json"].content)["plugins"]
    source = plugin["source"]
    path = source if isinstance(source, str) else source["path"]
    manifest = tmp_path / "kit" / path / f".{client}-plugin" / "plugin.json"
    assert json.loads(manifest.read_text("utf-8"))["name"] == plugin["name"]


@pytest.mark.parametrize(
    "state", ["state", "", "/srv/$HOME", '/srv/"', "/srv/it's", "/srv/`id`", "/srv/a\nb", "/srv\\x"]
)
def test_a_folder_that_no_settings_can_hold_is_refused(state: str) -> None:
    with pytest.raises(Invalid, match="--state"):
        kit_files(Path(state))


@pytest.mark.parametrize("program", ["", "allstop$(id)", "a\x1b[2J"])
def test_so_is_such_a_program(program: str) -> None:
    with pytest.raises(Invalid, match="--program"):
        kit_files(Path("/srv"), program)


def test_a_skill_says_what_ends_a_halt_and_what_does_not() -> None:
    text = " ".join(skill("allstop").split())
    assert "A halt is over when calls are let through again. Nothing else ends it for you" in text
