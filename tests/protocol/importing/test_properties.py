"""Whatever is imported: the draft can be loaded, every value has its line, and no line is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allstop.protocol import load_protocol
from allstop.protocol.importing import Imported, import_markdown

TEXTS = sorted((Path(__file__).parent / "texts").glob("*.md"))
DOCS = sorted(
    path for path in (Path(__file__).parents[3] / "docs").rglob("*.md") if path.stat().st_size < 200_000
)  # fmt: skip
_ORIGIN = re.compile(r"  # lines? ([0-9, -]+)$")

SNIPPETS = (
    "# Title", "## Severity", "### SEV1 - Critical", "## Roles", "## Phase 1: Contain", "## Phase 1: Contain",
    "### Exit criteria", "## Stand-down", "## Post-incident", "### Within 24 hours", "## Templates",
    "### Status update", "### Post-mortem template", "## Escalation", "## Emergency mode", "**Suspended:**",
    "## Halt conditions", "## Recovery objectives", "## Approvals", "## Drills", "## Points", "## Business hours",
    "## Activation phrases", "## Crews", "## Timeline", "## Communication", "## Decision table", "## Holidays",
    "| Severity | Description | Response time | Update every |\n|---|---|---|---|\n| SEV1 | site is down | 5 min | 15 min |\n| SEV2 | minor | 1h | - |",
    "| Class | RTO | RPO |\n|---|---|---|\n| core | 15 min | 1 min |\n| core | 15 min |",
    "| | SEV1 | SEV1 |\n|-|-|-|\n| Response | 5 min | 6 min |\n| Updates | 1 h | 99999 days |",
    "| Role | Who | Duties |\n|---|---|---|\n| Lead | Ada | leads |\n| | | |",
    "- [ ] all agents stopped", "- stable for 15 minutes", "- approved by the commander", "- resolved", "- root cause known",
    "- SEV1: data loss, respond within 5 minutes", "- **Incident Commander**: leads", "- Year 5+ changes need human approval",
    "- Resolving team: +50 points", "- Quarterly: outage", "- Write a report within 24 hours", "- 2026-12-25",
    "- Mon-Fri 09:00-17:00", "- T+5: roll call complete", "- T+5: roll call complete", "Updates every 15 minutes",
    "On-call engineer -> Owner", "- Suspended: scoring, releases", "  - nested\n    - deeper", "1. **Detect**: look",
    "1. **Detect**: look again\n2. **Fix** it", "```\nStatus: [status]\n{unknown} {{x}} <b>\n```", "> quoted [title]\n> more",
    "<div>html</div>", "<!-- comment -->", "- 重大な障害", "- 🔥🔥🔥", "- null", "- true", '- "quoted: yes" # no comment',
    "- a: {b: [c", "- &anchor *alias", "- ---", "---", "...", "%YAML 1.2", "key: value", "- !!python/object x",
    "- tab\there", "- bell\x07 and null\x00", "- \u202eturned\u202c", "- \u2028line\u2029", "- \ufeffbom", "***", "===",
    "- " + "x" * 300, "- " + "long words " * 90, "\\", "`", "| a |", "|||", "- [link](http://x) and ![i](y)", "text  \nbroken",
)  # fmt: skip
WILD = st.text(
    alphabet=st.one_of(
        st.sampled_from(" \n\t#*-|>`[]{}<>:&!%@_~\"'0159azSEV\x00\x07\u202e\ufeff\u2028é🚨"),
        st.characters(exclude_characters="\ud800"),
    ),
    max_size=200,
)


def checked(found: Imported, text: str, folder: Path) -> None:
    """What holds of every draft."""
    file = folder / "draft.yaml"
    file.write_text(found.text, "utf-8")
    loaded = load_protocol(file)
    assert loaded.protocol is not None, [str(one) for one in loaded.problems]
    assert not [one for one in loaded.problems if one.is_error]
    assert loaded.protocol.name == found.name
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert all(1 <= line <= len(lines) for _, _, line in found.placed)
    kept = {line for _, _, line in found.placed} | found.structure
    kept |= {line for first, last in found.ranges for line in range(first, last + 1)}
    lost = [number for number, line in enumerate(lines, 1) if line.strip() and number not in kept]
    assert lost == [], [lines[number - 1] for number in lost]


def told_lines(found: Imported) -> set[int]:
    """The lines the comments of a draft name."""
    lines: set[int] = set()
    for row in found.text.split("\n"):
        match = _ORIGIN.search(row)
        for part in match[1].split(", ") if match else ():
            first, _, last = part.partition("-")
            lines |= set(range(int(first), int(last or first) + 1))
    return lines


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.stem)
def test_every_text_loads_and_loses_nothing(file: Path, tmp_path: Path) -> None:
    text = file.read_text("utf-8")
    found = import_markdown(text)
    checked(found, text, tmp_path)
    assert told_lines(found) == {line for _, _, line in found.placed}
    assert import_markdown(text) == found


@pytest.mark.parametrize("file", DOCS, ids=lambda file: file.stem)
def test_our_own_pages_can_be_imported(file: Path, tmp_path: Path) -> None:
    text = file.read_text("utf-8")
    checked(import_markdown(text), text, tmp_path)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_and_a_mark_at_the_beginning_change_nothing(ending: str) -> None:
    for file in TEXTS:
        text = file.read_text("utf-8")
        assert import_markdown("\ufeff" + text.replace("\n", ending)) == import_markdown(text)


@given(st.lists(st.one_of(st.sampled_from(SNIPPETS), st.just("")), max_size=30))
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_mixture_of_parts_loads_and_loses_nothing(tmp_path: Path, parts: list[str]) -> None:
    text = "\n".join(parts)
    checked(import_markdown(text), text, tmp_path)


@given(
    st.lists(st.one_of(st.sampled_from(SNIPPETS), WILD), max_size=12),
    st.sampled_from(["\n", "\n\n", "\r\n"]),
)
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@example(parts=["\x00"], between="\n")
def test_hostile_text_loads_and_loses_nothing(
    tmp_path: Path, parts: list[str], between: str
) -> None:
    text = between.join(parts)
    checked(import_markdown(text), text, tmp_path)


@given(st.data())
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_mangled_protocol_loads_and_loses_nothing(tmp_path: Path, data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(TEXTS)).read_text("utf-8").split("\n")
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["twice", "gone", "other", "cut", "indented"])):
            case "twice":
                lines.insert(at, lines[at])
            case "gone" if len(lines) > 1:
                lines.pop(at)
            case "other":
                lines[at] = data.draw(WILD).replace("\n", " ").replace("\r", " ")
            case "cut":
                lines[at] = lines[at][: len(lines[at]) // 2]
            case _:
                lines[at] = "    " + lines[at]
    text = "\n".join(lines)
    checked(import_markdown(text), text, tmp_path)


HUGE = {
    "deep list": "\n".join(f"{'  ' * depth}- level {depth}" for depth in range(300)),
    "deep quotes": ">" * 5_000 + " text\nafter",
    "brackets": "- " + "[" * 60_000,
    "stars": "*" * 60_000,
    "one line": "a" * 900_000,
    "table": "| " + " | ".join(["SEV1"] * 3_000) + " |\n" + "|-" * 3_000 + "|\n" + "| " + " | ".join(["5 min"] * 3_000) + " |",
    "headings": "\n".join(f"## Phase {n}: p{n}\n\n- do {n}\n" for n in range(2_000)),
    "roles": "## Roles\n\n" + "\n".join(f"- **Lead {n}**: does {n}" for n in range(5_000)),
    "severities": "## Severity\n\n" + "\n".join(f"- **SEV{n % 6}**: number {n} of many words" for n in range(3_000)),
    "forms": "\n".join(f"## Post-mortem template {n}\n\n```\nA {n}: x\nB: y\n```\n" for n in range(300)),
    "front": "---\n" + "\n".join(f"key{n}: value" for n in range(390)) + "\n---\n# T\n",
}  # fmt: skip


@pytest.mark.parametrize("text", HUGE.values(), ids=list(HUGE))
def test_what_is_far_too_much_loads_and_loses_nothing(text: str, tmp_path: Path) -> None:
    checked(import_markdown(text), text, tmp_path)


def test_more_than_a_megabyte_is_refused() -> None:
    for text in ("- a\n" * 260_000, "é" * 600_000):
        with pytest.raises(ValueError, match="larger than 1 MB"):
            import_markdown(text)


BOMBS = {
    "aliases": "---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: *c\n---\n# Bomb\n",
    "tag": "---\nname: !!python/object/apply:os.system ['true']\n---\n# Bomb\n",
    "merge": "---\nbase: &base {name: x}\n<<: *base\n---\n# Bomb\n",
    "never closed": "---\nname: bomb\n# Bomb\n",
    "a list": "---\n- one\n- two\n---\n# Bomb\n",
    "nested": "---\nname: " + "[" * 500 + "]" * 500 + "\n---\n# Bomb\n",
    "twice": "---\nname: one\nname: two\n---\n# Bomb\n",
    "empty": "---\n---\n# Bomb\n",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=list(BOMBS))
def test_front_matter_that_grows_or_runs_something_stays_text(text: str, tmp_path: Path) -> None:
    """Given aliases, tags and merge keys, when it is imported, then nothing is expanded and nothing is run."""
    found = import_markdown(text)
    checked(found, text, tmp_path)
    assert len(found.text) < 10_000
