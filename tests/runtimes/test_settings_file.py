"""A person's settings file: our part goes in and comes out, and everything else is as it was."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allstop.errors import Invalid
from allstop.runtimes.settings_file import (
    Hooked,
    Pinned,
    cleaned,
    edited,
    hooks_of_ours,
    only_ours,
)
from allstop.runtimes.settings_places import SCOPES, SETTINGS, Hook

HOOK = Hook(Path("/opt/with a blank/allstop-gate"), "claude", Path("/var/lib/the state"))
THEIRS = {"matcher": "Bash", "hooks": [{"type": "command", "command": "/opt/lint", "timeout": 30}]}
OURS = {"hooks": [{"type": "command", "command": "/old/place/allstop-gate", "args": ["--x"]}]}
EVERYWHERE = [(name, scope) for name in SETTINGS for scope in SCOPES]


def changes(name: str, scope: str) -> Any:
    hook = Hook(HOOK.gate, name, HOOK.state)
    return SETTINGS[name].changes(scope, hook)


def file_of(name: str, scope: str) -> str:
    return str(SETTINGS[name].file(scope, Path("/home/ada"), {}))


def as_json(tree: Any, **given: Any) -> bytes:
    return (json.dumps(tree, ensure_ascii=False, **given) + "\n").encode()


@pytest.mark.parametrize(("name", "scope"), EVERYWHERE)
def test_doing_it_twice_changes_nothing_more(name: str, scope: str) -> None:
    once = edited(file_of(name, scope), None, changes(name, scope)).body
    assert edited(file_of(name, scope), once, changes(name, scope)).body == once
    hooks = hooks_of_ours(file_of(name, scope), once)
    assert len(hooks) == 5, "tool, prompt, and three facts"


@pytest.mark.parametrize("scope", SCOPES)
def test_claude_is_told_to_take_a_hook_that_fails_as_a_refusal(scope: str) -> None:
    tree = json.loads(edited("settings.json", None, changes("claude", scope)).body)
    for event in ("PreToolUse", "UserPromptSubmit"):
        (group,) = tree["hooks"][event]
        assert group["hooks"][0]["onFailure"] == "block"
        assert group["hooks"][0]["timeout"] == 5
    assert "--event" in tree["hooks"]["Stop"][0]["hooks"][0]["args"]


def test_an_administrator_pins_what_a_person_could_switch_off() -> None:
    codex = tomllib.loads(
        edited("requirements.toml", None, changes("codex", "managed")).body.decode()
    )
    assert codex["features"]["hooks"] is True
    assert codex["allow_managed_hooks_only"] is True
    gemini = json.loads(edited("settings.json", None, changes("gemini", "managed")).body)
    assert gemini["hooksConfig"]["enabled"] is True


def test_other_keys_their_order_and_the_indentation_stay() -> None:
    body = b'{\n\t"zeta": "\xc3\xa9",\n\t"hooks": {"PreToolUse": []},\n\t"alpha": 1\n}'
    new = edited("settings.json", body, changes("claude", "user")).body
    assert list(json.loads(new)) == ["zeta", "hooks", "alpha"]
    assert b'\n\t"zeta": "\xc3\xa9"' in new
    assert not new.endswith(b"\n")


def test_half_a_character_is_kept_as_it_is_spelt() -> None:
    body = b'{"title": "\\ud83d"}'
    new = edited("settings.json", body, changes("claude", "user")).body
    assert json.loads(new)["title"] == "\ud83d"


@pytest.mark.parametrize("number", [b"1e999", b"9" * 5000])
def test_a_number_that_cannot_be_kept_is_no_reason_to_change_it(number: bytes) -> None:
    with pytest.raises(Invalid, match=r"settings\.json"):
        edited("settings.json", b'{"a": ' + number + b"}", changes("claude", "user"))


def test_hooks_of_others_stay_before_ours_and_after_ours_has_gone() -> None:
    body = as_json({"hooks": {"PreToolUse": [THEIRS, {"matcher": "*", **OURS}]}}, indent=2)
    new = edited("settings.json", body, changes("claude", "user"))
    groups = json.loads(new.body)["hooks"]["PreToolUse"]
    assert groups[0] == THEIRS
    assert len(groups) == 2, "the one from an older place has gone"
    after, left = cleaned("settings.json", new.body, new.was, new.made)
    assert json.loads(after) == {"hooks": {"PreToolUse": [THEIRS]}}
    assert left == ()


def test_a_group_that_a_person_shares_with_us_loses_ours_alone() -> None:
    mine = THEIRS["hooks"][0]
    shared = {"matcher": "*", "hooks": [mine, OURS["hooks"][0]]}
    body = as_json({"hooks": {"PreToolUse": [shared]}})
    after, _ = cleaned("settings.json", body, (), None)
    assert json.loads(after) == {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [mine]}]}}


def test_comments_blanks_and_order_of_toml_stay() -> None:
    body = (
        b"# by ops\nallowed_sandbox_modes = ['read-only'] # never more\n\n[features]\n# keep\nvoice  =  false\n\n"
        b'[[hooks.PreToolUse]]\nmatcher = "Bash"\n[[hooks.PreToolUse.hooks]]\ntype = "command"\ncommand = "/opt/lint" # lint\n'
    )
    new = edited("requirements.toml", body, changes("codex", "managed"))
    for line in body.splitlines():
        assert line in new.body.splitlines()
    tree = tomllib.loads(new.body.decode())
    assert [len(tree["hooks"][event]) for event in ("PreToolUse", "Stop")] == [2, 1]
    after, left = cleaned("requirements.toml", new.body, new.was, new.made)
    assert tomllib.loads(after.decode()) == tomllib.loads(body.decode())
    assert b"# never more" in after
    assert b"/opt/lint" in after
    assert left == ()


def test_what_was_pinned_goes_back_to_what_it_was_unless_somebody_set_it_since() -> None:
    body = as_json({"hooksConfig": {"enabled": False}})
    new = edited("settings.json", body, [Pinned(("hooksConfig", "enabled"), True)])
    assert json.loads(new.body) == {"hooksConfig": {"enabled": True}}
    back, left = cleaned("settings.json", new.body, new.was, new.made)
    assert json.loads(back) == {"hooksConfig": {"enabled": False}}
    since = as_json({"hooksConfig": {"enabled": "sometimes"}})
    kept, left = cleaned("settings.json", since, new.was, new.made)
    assert kept == since
    assert left == (
        "settings.json: hooksConfig.enabled is set to something else by now, and was left as it is",
    )


@pytest.mark.parametrize(
    ("name", "body", "because"),
    [
        ("settings.json", b'{"a": 1, // why\n "b": 2}', "no plain JSON"),
        ("settings.json", b'{"a": 1, "a": 2}', "stands there twice"),
        ("settings.json", b'{"a": NaN}', "is no number"),
        ("settings.json", b"\xff\xfe", "no plain JSON"),
        ("settings.json", b"\xef\xbb\xbf{}", "no plain JSON"),
        ("settings.json", b"[1]", "no table of settings"),
        ("settings.json", b"[" * 100_000, "no plain JSON"),
        ("settings.json", b'{"a":' + b"[" * 400 + b"]" * 400 + b"}", "nested deeper"),
        ("requirements.toml", b"a = " + b"[" * 150 + b"]" * 150 + b"\n", "nested deeper"),
        ("settings.json", b'{"hooks": []}', "hooks is no table"),
        ("settings.json", b'{"hooks": {"PreToolUse": {}}}', "hooks.PreToolUse is no list"),
        ("requirements.toml", b"a = \n", "no plain TOML"),
        ("requirements.toml", b"hooks = 3\n", "hooks is no table"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_named(
    name: str, body: bytes, because: str
) -> None:
    client = "codex" if name.endswith("toml") else "claude"
    with pytest.raises(Invalid, match=because) as told:
        edited(name, body, changes(client, "managed"))
    assert name in told.value.text


def test_a_trial_gets_our_hooks_and_the_switches_and_nothing_else_of_a_person() -> None:
    body = as_json(
        {"hooks": {"PreToolUse": [THEIRS, OURS]}, "disableAllHooks": True, "env": {"SECRET": "x"}}
    )
    kept = only_ours("settings.json", body, SETTINGS["claude"].switches)
    assert kept == {"hooks": {"PreToolUse": [OURS]}, "disableAllHooks": True}


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | WORDS
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)
)
PERSONS_OWN = st.dictionaries(
    WORDS.filter(lambda word: word not in ("hooks", "hooksConfig", "version")), TREES, max_size=4
)
GROUPS = st.dictionaries(
    st.sampled_from(["PreToolUse", "Stop", "BeforeTool", "Other"]),
    st.lists(st.just(THEIRS), max_size=2),
)


@given(PERSONS_OWN, GROUPS | st.none(), st.sampled_from(EVERYWHERE), st.sampled_from([None, 2, 4]))
def test_whatever_stood_there_stands_there_again(
    own: dict[str, Any], groups: Any, where: tuple[str, str], indent: int | None
) -> None:
    name, scope = where
    if where == ("codex", "managed"):
        return  # TOML has no null and its own rules for numbers; its stories stand above
    before = own if groups is None else {**own, "hooks": groups}
    new = edited("settings.json", as_json(before, indent=indent), changes(name, scope))
    assert {word: json.loads(new.body)[word] for word in own} == own
    after, left = cleaned("settings.json", new.body, new.was, new.made)
    assert json.loads(after) == before
    assert left == ()


@given(st.binary(max_size=200), st.sampled_from(["a.json", "a.toml"]))
def test_no_bytes_do_more_than_be_refused(body: bytes, name: str) -> None:
    client = "codex" if name == "a.toml" else "gemini"
    try:
        new = edited(name, body, changes(client, "managed"))
    except Invalid:
        return
    assert hooks_of_ours(name, new.body)


def test_a_hook_of_ours_is_known_by_its_program_alone() -> None:
    ours: list[dict[str, Any]] = [
        {"command": "'/a b/allstop-gate' --runtime x"},
        {"bash": "/x/allstop-gate"},
        {"command": "/a b/allstop-gate", "args": []},
    ]
    others: list[dict[str, Any]] = [
        {"command": "echo allstop-gate"},
        {"command": "/x/allstop-gate.old"},
        {"command": "'unclosed"},
        {"command": 3},
        {},
    ]
    for hook in ours:
        assert hooks_of_ours("a.json", as_json({"hooks": {"E": [hook]}})) == [hook]
    for hook in others:
        assert hooks_of_ours("a.json", as_json({"hooks": {"E": [hook]}})) == []


def test_a_list_that_holds_hooks_is_filled_in_place() -> None:
    new = edited("a.toml", b"", [Hooked(("hooks", "Stop"), {"hooks": [{"command": "x"}]})])
    assert tomllib.loads(new.body.decode()) == {"hooks": {"Stop": [{"hooks": [{"command": "x"}]}]}}
    assert new.made == (("hooks",), ("hooks", "Stop"))
