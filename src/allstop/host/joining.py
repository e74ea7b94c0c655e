"""Joining a coordinator: whose orders this machine takes from now on. Keys are pinned once, and compared when that is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import httpx

from allstop.adapters.mechanisms.files import replace as put
from allstop.errors import Invalid, Missing, Refused, Unavailable
from allstop.host.keys import Keys, Pinned, named
from allstop.host.settings import FILE, NAME, HostSettings, read_host_settings

KEYS_FILE, TOKEN_FILE = "host.keys", "host.token"
_PATIENCE_S = 10.0


def join(
    folder: Path, coordinator: str, name: str, token: str, fingerprint: str, release_keys: Sequence[Path]
) -> tuple[HostSettings, Keys]:  # fmt: skip
    """Write settings, token and pinned keys into a folder, after the coordinator has answered.

    fingerprint: key id the coordinator's key must have, empty to trust what it says now; release_keys: files with lines
    `KEY-ID HEX [OWNER]`. Joining again under the same name keeps what stands. Raises Invalid, Refused, Unavailable.
    """
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is no name for a host", "Letters, digits, dots, dashes; at most 64."
        )
    _same_host(folder, name)
    pinned = _order_keys(coordinator, token, fingerprint)
    pinned += tuple(one for path in release_keys for one in _release_keys(path))
    keys = Keys(pinned)
    folder.mkdir(parents=True, exist_ok=True)
    # Gates and agents pass through to the state file and the spool; what is secret has its own mode.
    folder.chmod(0o755)
    put(folder / TOKEN_FILE, token + "\n", mode=0o600)
    put(folder / KEYS_FILE, "".join(f"{one.line()}\n" for one in pinned), mode=0o644)
    text = f"coordinator = {json.dumps(coordinator)}\nname = {json.dumps(name)}\n"
    if not (folder / FILE).exists():
        put(folder / FILE, text, mode=0o644)
    else:
        put(folder / FILE, _with(folder / FILE, coordinator, name), mode=0o644)
    return read_host_settings(folder), keys


def _same_host(folder: Path, name: str) -> None:
    """A machine that changes its name would take its own journal for another's."""
    try:
        known = read_host_settings(folder).name
    except (Invalid, Missing):
        return
    if known != name:
        text = f"this machine has joined as {known}"
        raise Refused(
            (("other-name", text, f"allstop host join --name {known}, or another --folder"),)
        )


def _with(path: Path, coordinator: str, name: str) -> str:
    """The settings with another coordinator, and what a person added to them as it is."""
    kept = [
        line
        for line in path.read_text("utf-8").splitlines()
        if line.partition("=")[0].strip() not in ("coordinator", "name")
    ]
    first = [f"coordinator = {json.dumps(coordinator)}", f"name = {json.dumps(name)}"]
    return "\n".join([*first, *kept]) + "\n"


def _order_keys(coordinator: str, token: str, fingerprint: str) -> tuple[Pinned, ...]:
    try:
        answer = httpx.get(
            f"{coordinator}/api/v1/orders/keys",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_PATIENCE_S,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"{coordinator} does not answer: {type(error).__name__}",
            "Is that its address? curl it.",
        ) from error
    if answer.status_code in (401, 403):
        raise Invalid(
            f"{coordinator} does not take this token", "On its machine: allstop hosts enrol NAME"
        )
    found: list[tuple[str, str]] = []
    try:
        found = [(str(one["key"]), str(one["public"])) for one in answer.json()["keys"]]
        sound = answer.is_success and found and all(named(key) == id for id, key in found)
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise Invalid(
            f"{coordinator} tells no key for orders ({answer.status_code})", "Is it Allstop?"
        )
    if fingerprint and fingerprint not in [id for id, _ in found]:
        raise Invalid(
            f"{coordinator} signs with {', '.join(id for id, _ in found)}, not with {fingerprint}",
            "Somebody else may be answering there. Nothing was changed.",
        )
    return tuple(Pinned("order", id, key, "coordinator") for id, key in found)


def _release_keys(path: Path) -> tuple[Pinned, ...]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}", "A file with public keys ends in .pub.") from error
    found = []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        id, _, rest = line.partition(" ")
        key, _, owner = rest.partition(" ")
        try:
            sound = named(key) == id
        except ValueError:
            sound = False
        if not sound:
            raise Invalid(f"{path} has a line that is no public key: {line[:80]}", "")
        found.append(Pinned("release", id, key, owner.strip() or path.stem))
    return tuple(found)
