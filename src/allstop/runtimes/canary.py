"""A canary call: the real client is started once in a clean home, under the hook that is installed, against a model on loopback.

The state the hook reads is one of our own: for a person's settings the hook is pointed at it, for an administrator's it is
put over the real folder, in a mount namespace that only this client sees. Nothing on the machine changes.
"""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from allstop.gate.state_file import StandingHalt, State, render
from allstop.runtimes.runtime import Runtime, Trial, write_json
from allstop.runtimes.settings_file import hook_words, is_ours
from allstop.runtimes.settings_places import Settings
from allstop.runtimes.trying import try_client

_STATE = "--state"
# Lets a client start a hook nobody has looked at, which is what a canary is to find out.
_TRUSTING = "--dangerously-bypass-hook-trust"
# $1 is put over each folder up to `--`; what follows is the client.
_IN_ITS_OWN_MOUNTS = """
from=$1
shift
while test "$1" != --; do
    mount --bind "$from" "$1" || exit 125
    shift
done
shift
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Layers:
    """What is installed for a client. own: its hooks in a person's settings, None when there are none; states: the state
    folders that the hooks in the administrator's settings read, empty when there are none."""

    own: Mapping[str, Any] | None = None
    states: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A way to start a client that could get around its hook.

    words: more of them on its command line; environment: more of it; work: files in the folder it works in; home: settings
    in its home, as JSON that is laid over what stands there. `{empty}` stands for an empty folder.
    """

    title: str
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    work: Mapping[str, str] = field(default_factory=dict)
    home: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """ran: whether the tool did its work; refused: how many refusals the gate wrote down; turns: how often the model was asked."""

    ran: bool
    refused: int
    turns: int
    said: str


PLAIN = Attempt("as it is")


def try_call(
    settings: Settings, runtime: Runtime, program: tuple[str, ...], layers: Layers,
    *, halted: bool, attempt: Attempt = PLAIN,
) -> Seen:  # fmt: skip
    """Starts the client once; its model asks for one shell command. Blocking, some seconds. Raises Unavailable."""
    # What a client goes on writing as it ends is no reason to fail.
    with tempfile.TemporaryDirectory(prefix="allstop-canary-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for part in ("home", "work", "empty", "state/spool"):
            (folder / part).mkdir(parents=True)
        receipts = folder / "state" / "spool" / "receipts"
        receipts.touch()
        stands = (StandingHalt("CANARY", "-", "-", ("default",), "all"),) if halted else ()
        (folder / "state" / "state").write_text(render(State(1, "no-boot", halts=stands)), "utf-8")
        for file, text in attempt.work.items():
            (folder / "work" / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / "work" / file).write_text(text, "utf-8")
        environment = {
            word: value.format(empty=folder / "empty")
            for word, value in attempt.environment.items()
        }
        trial = Trial(folder / "home", folder / "work", "", None)
        started = _as_installed(settings, runtime, layers, folder / "state", attempt)
        tried = try_client(
            started,
            (*_in_its_own_mounts(layers, folder / "state"), *program),
            trial,
            (runtime.run("touch made"),),
            environment=environment,
        )
        lines = receipts.read_text("utf-8", "replace").splitlines()
        refused = sum(1 for line in lines if line.startswith("deny "))
        return Seen((folder / "work" / "made").exists(), refused, tried.turns, tried.said)


def _as_installed(
    settings: Settings, runtime: Runtime, layers: Layers, state: Path, attempt: Attempt
) -> Runtime:
    def prepare(trial: Trial) -> None:
        runtime.prepare(trial)
        if layers.own is not None:
            _lay_over(trial.home / settings.folder / settings.own, pointed(layers.own, state))
        for file, content in attempt.home.items():
            _lay_over(trial.home / file, content)

    def words(trial: Trial, prompt: str) -> tuple[str, ...]:
        usual = tuple(word for word in runtime.words(trial, prompt) if word != _TRUSTING)
        return (*usual, *attempt.words)

    return replace(runtime, prepare=prepare, words=words)


def _lay_over(path: Path, content: Mapping[str, Any]) -> None:
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    write_json(path, _merged(found, content))


def _merged(found: Any, content: Any) -> Any:
    if not (isinstance(found, dict) and isinstance(content, Mapping)):
        return content
    return {**found, **{word: _merged(found.get(word), value) for word, value in content.items()}}


def _in_its_own_mounts(layers: Layers, state: Path) -> tuple[str, ...]:
    if not layers.states:
        return ()
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    return (
        "unshare", *as_root, "--mount", "sh", "-c", _IN_ITS_OWN_MOUNTS, "sh", str(state),
        *map(str, layers.states), "--",
    )  # fmt: skip


# --- the words of a hook ---


def state_of(words: list[str]) -> Path | None:
    """The state folder a hook reads."""
    if _STATE not in words[:-1]:
        return None
    return Path(words[words.index(_STATE) + 1])


def pointed(tree: Any, state: Path) -> Any:
    """Settings whose hooks read another state folder."""
    if isinstance(tree, list):
        return [pointed(one, state) for one in tree]
    if not isinstance(tree, Mapping):
        return tree
    if not is_ours(tree):
        return {word: pointed(value, state) for word, value in tree.items()}
    words = hook_words(tree)
    if _STATE in words[:-1]:
        words[words.index(_STATE) + 1] = str(state)
    if "args" in tree:
        return {**tree, "args": words[1:]}
    return {**tree, "bash" if "bash" in tree else "command": shlex.join(words)}
