"""Whether a halt would really hold the clients on this machine: looked at, then tried with a call on the real client."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.errors import AllstopError, Unavailable
from allstop.gate import gate_path
from allstop.gate.state_file import parse
from allstop.runtimes import RUNTIMES
from allstop.runtimes.bypasses import ATTEMPTS, NAMED
from allstop.runtimes.canary import Layers, Seen, state_of, try_call
from allstop.runtimes.installed_files import Place, read_bytes
from allstop.runtimes.settings_file import edited, hook_words, hooks_of_ours, only_ours
from allstop.runtimes.settings_places import MANAGED, SCOPES, USER, Settings
from allstop.runtimes.trying import version_of

# Numbers below are of root and of services, by long custom.
_FIRST_PERSON = 1000
OK, WARN, FAIL, NOTE = "ok", "warn", "fail", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """state: ok | warn | fail | note; a note is what is known of this client and not tried. hint: what to do, empty when it is ok."""

    client: str
    check: str
    state: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Looks at one client after another. place: for a scope; ask_host: the status of the host process with its files in a
    folder, raises AllstopError when it does not answer; progress: told what is tried now, each takes some seconds;
    bypasses: whether ways around the hook are tried too."""

    place: Callable[[str], Place]
    ask_host: Callable[[Path], Mapping[str, Any]]
    progress: Callable[[str], None]
    bypasses: bool = True

    def look(self, settings: Settings, program: tuple[str, ...] | None) -> Iterator[Finding]:
        """Everything about one client. Enforcement is proven when nothing here fails."""
        name = settings.name
        if program is None:
            yield Finding(
                name,
                "client",
                FAIL,
                f"{settings.title} is not on PATH",
                f"--path {name}=/where/it/is",
            )
            return
        self.progress(f"{settings.title}: version")
        version = self._version(settings, program)
        yield version
        if version.state == FAIL:
            return
        found: dict[str, list[dict[str, Any]]] = {}
        for scope in SCOPES:
            yield from self._layer(settings, scope, found)
        if not found:
            yield Finding(
                name, "layers", FAIL, "no hook of Allstop stands in its settings: a halt does not reach it",
                f"sudo allstop agents install --runtime {name} --scope managed",
            )  # fmt: skip
            return
        yield from self._gates_and_states(settings, found)
        yield from self._tried(settings, program, found)
        for text in NAMED.get(name, ()):
            yield Finding(name, "not tried", NOTE, text)

    def _version(self, settings: Settings, program: tuple[str, ...]) -> Finding:
        with tempfile.TemporaryDirectory(prefix="allstop-canary-") as home:
            try:
                version = version_of(program, Path(home))
            except (AllstopError, OSError) as error:
                return Finding(
                    settings.name, "client", FAIL, f"{program[0]}: {error}", "Does it start?"
                )
        return Finding(
            settings.name, "client", OK, f"{settings.title} {version} ({' '.join(program)})"
        )

    # --- what stands in the settings ---

    def _layer(
        self, settings: Settings, scope: str, found: dict[str, list[dict[str, Any]]]
    ) -> Iterator[Finding]:
        place = self.place(scope)
        path = settings.file(scope, place.home, place.environment)
        again = f"allstop agents install --runtime {settings.name} --scope {scope}"
        try:
            body = read_bytes(place.on_disk(path))
            hooks = [] if body is None else hooks_of_ours(str(path), body)
            same = (
                body is not None
                and edited(
                    str(path), body, settings.changes(scope, self._standing(settings, place, hooks))
                ).body
                == body
            )
        except AllstopError as error:
            yield Finding(settings.name, f"{scope} settings", FAIL, str(error), error.hint)
            return
        if not hooks:
            return
        found[scope] = hooks
        if not same:
            text = f"{path} holds a hook of Allstop, and not as this version installs it"
            yield Finding(settings.name, f"{scope} settings", WARN, text, again)
            return
        who = open_to(place.on_disk(path)) if scope == MANAGED else ""
        if who:
            yield Finding(
                settings.name,
                f"{scope} settings",
                FAIL,
                f"{path}: {who}",
                "chown root and chmod go-w",
            )
        elif scope == MANAGED:
            yield Finding(settings.name, "managed settings", OK, f"{path}")
        else:
            yield Finding(
                settings.name, "user settings", WARN,
                f"{path}: whoever runs as this person can take the hook out",
                f"sudo allstop agents install --runtime {settings.name} --scope managed",
            )  # fmt: skip

    @staticmethod
    def _standing(settings: Settings, place: Place, hooks: list[dict[str, Any]]) -> Any:
        """The hook as it would be installed, with the gate and the state folder that are named there."""
        words = hook_words(hooks[0]) if hooks else []
        state = state_of(words)
        hook = place.hook(settings.name)
        if not words or state is None:
            return hook
        return type(hook)(Path(words[0]), settings.name, state)

    def _gates_and_states(
        self, settings: Settings, found: Mapping[str, list[dict[str, Any]]]
    ) -> Iterator[Finding]:
        words = [(scope, hook_words(hook)) for scope, hooks in found.items() for hook in hooks]
        for scope, gate in dict.fromkeys((scope, Path(one[0])) for scope, one in words if one):
            yield self._gate(settings.name, scope, gate)
        states = dict.fromkeys((scope, state_of(one)) for scope, one in words)
        for scope, state in states:
            if state is not None:
                yield from self._state(settings.name, scope, state)

    def _gate(self, name: str, scope: str, gate: Path) -> Finding:
        again = f"allstop agents install --runtime {name} --scope {scope}"
        try:
            disk = self.place(scope).on_disk(gate)
            body = read_bytes(disk)
        except AllstopError as error:
            return Finding(name, "gate", FAIL, str(error), again)
        if body is None:
            return Finding(name, "gate", FAIL, f"{gate} is not there", again)
        if body != gate_path().read_bytes():
            return Finding(
                name, "gate", FAIL, f"{gate} is not the gate of this version of Allstop", again
            )
        if disk.stat().st_mode & 0o555 != 0o555:
            return Finding(
                name, "gate", FAIL, f"{gate}: not everybody may start it", f"chmod 755 {gate}"
            )
        who = open_to(disk)
        state = FAIL if who and scope == MANAGED else WARN if who else OK
        return Finding(
            name,
            "gate",
            state,
            f"{gate}: {who or 'its bytes are ours'}",
            "--scope managed" if who else "",
        )

    def _state(self, name: str, scope: str, folder: Path) -> Iterator[Finding]:
        run = "allstop host run"
        try:
            disk = self.place(scope).on_disk(folder / "state")
            body = read_bytes(disk)
            if body is None:
                text = f"{folder / 'state'} is not there: every tool call is refused"
                yield Finding(name, "state", FAIL, text, run)
                return
            parse(body.decode("utf-8", "surrogateescape"))
        except AllstopError as error:
            yield Finding(
                name,
                "state",
                FAIL,
                f"{folder / 'state'}: {error}: every tool call is refused",
                run,
            )
            return
        who = open_to(disk)
        state = FAIL if who and scope == MANAGED else WARN if who else OK
        yield Finding(
            name,
            "state",
            state,
            f"{disk}: {who or 'agents cannot write it'}",
            "Run the host process as root." if who else "",
        )
        yield self._host(name, folder)

    def _host(self, name: str, folder: Path) -> Finding:
        try:
            found = self.ask_host(folder)
        except AllstopError as error:
            text = f"no host process answers for {folder}, so no halt arrives: {error.text}"
            return Finding(name, "host", FAIL, text, error.hint or "allstop host run")
        if not found.get("connected"):
            text = (
                f"the host process does not hear its coordinator: {found.get('fault', 'no reason')}"
            )
            return Finding(name, "host", FAIL, text, "allstop host")
        return Finding(
            name,
            "host",
            OK,
            f"{found.get('host')} hears its coordinator, order {found.get('seq')}",
        )

    # --- what the client does ---

    def _tried(
        self,
        settings: Settings,
        program: tuple[str, ...],
        found: Mapping[str, list[dict[str, Any]]],
    ) -> Iterator[Finding]:
        name = settings.name
        try:
            layers = self._layers(settings, found)
            self.progress(f"{settings.title}: a call while nothing stands")
            free = try_call(settings, RUNTIMES[name], program, layers, halted=False)
            if not free.ran:
                yield Finding(name, "canary", FAIL, _did_not_run(free), _last(free))
                return
            self.progress(f"{settings.title}: the same call under a halt")
            held = try_call(settings, RUNTIMES[name], program, layers, halted=True)
            yield _verdict(name, held)
            if held.ran or not held.refused or not self.bypasses:
                return
            for attempt in ATTEMPTS.get(name, ()):
                self.progress(f"{settings.title}: {attempt.title}")
                seen = try_call(
                    settings, RUNTIMES[name], program, layers, halted=True, attempt=attempt
                )
                yield _bypass(
                    name, attempt.title, seen, scope=MANAGED if MANAGED in found else USER
                )
        except (AllstopError, OSError) as error:
            yield Finding(
                name,
                "canary",
                FAIL,
                f"it could not be tried: {error}",
                getattr(error, "hint", ""),
            )

    def _layers(self, settings: Settings, found: Mapping[str, list[dict[str, Any]]]) -> Layers:
        own = None
        if USER in found:
            place = self.place(USER)
            path = settings.file(USER, place.home, place.environment)
            own = only_ours(str(path), read_bytes(place.on_disk(path)) or b"", settings.switches)
        states = [state_of(hook_words(hook)) for hook in found.get(MANAGED, ())]
        if states and self.place(MANAGED).root != Path("/"):
            raise Unavailable(
                "its settings lie under another root, where the client does not look",
                "Run the doctor where they are at their place.",
            )
        return Layers(own, tuple(dict.fromkeys(one for one in states if one is not None)))


def _verdict(name: str, held: Seen) -> Finding:
    if held.ran:
        trust = " (Codex skips a person's hook until it is trusted in /hooks)" if name == "codex" else ""  # fmt: skip
        return Finding(
            name,
            "canary",
            FAIL,
            f"a call RAN under a halt: this client is not held{trust}",
            f"sudo allstop agents install --runtime {name} --scope managed",
        )
    if not held.refused:
        return Finding(
            name,
            "canary",
            FAIL,
            "a call did not run under a halt, but no gate has refused it",
            _last(held),
        )
    return Finding(
        name, "canary", OK, "a call ran while nothing stood, and was refused under a halt"
    )


def _bypass(name: str, title: str, seen: Seen, *, scope: str) -> Finding:
    if seen.ran:
        closes = "" if scope == USER else "no setting closes it: start agents with allstop run"
        return Finding(name, "bypass", FAIL, f"OPEN: {title}", closes)
    if not seen.refused:
        why = "it did not start so" if not seen.turns else "it made no call so"
        return Finding(name, "bypass", NOTE, f"not known: {title}: {why}")
    return Finding(name, "bypass", OK, f"held: {title}")


def _did_not_run(free: Seen) -> str:
    if free.refused:
        return "a call was refused while nothing stood"
    return "a call did not run while nothing stood, so nothing can be said about a halt"


def _last(seen: Seen) -> str:
    return seen.said.strip()[-200:]


def open_to(path: Path) -> str:
    """Why others than an administrator could change a file, or empty: its own mode and owner, and those of each folder above."""
    for one in (path, *path.parents):
        try:
            found = one.stat()
        except OSError as error:
            return f"{one} cannot be looked at: {error.strerror}"
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_mode & 0o022 and not sticky:
            return f"others than its owner may write {one}"
        if found.st_uid == 0:
            continue
        if found.st_uid == os.geteuid():
            return f"{one} is yours, so an agent that runs as you can change it"
        if found.st_uid >= _FIRST_PERSON:
            return f"{one} belongs to user {found.st_uid}, a person, and not to the system"
    return ""
