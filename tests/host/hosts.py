"""A folder of a host that has joined, and the keys that may speak to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from allstop.domain.halt.order_text import (
    Ended,
    Pass,
    Release,
    StandingHalt,
    StandingOrder,
    Statement,
    envelope_text,
    order_text,
    release_text,
)
from allstop.gate.state_file import State, parse
from allstop.host.keeper import Keeper
from allstop.host.keys import Keys, Pinned, named
from allstop.host.settings import HostSettings, read_host_settings

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Signer:
    """Somebody with a key, the same in every run."""

    name: str

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())

    @property
    def public(self) -> str:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    @property
    def id(self) -> str:
        return named(self.public)

    def sign(self, text: str) -> Statement:
        return Statement(text, self.id, self._key.sign(text.encode()).hex())

    def pinned(self, kind: str) -> Pinned:
        return Pinned(kind, self.id, self.public, self.name)

    def order(
        self, seq: int, *halts: StandingHalt, ended: tuple[Ended, ...] = (), passes: tuple[Pass, ...] = (),
        frozen: tuple[str, ...] = (), audience: str = "fleet", now: datetime = NOW,
    ) -> str:  # fmt: skip
        """A sealed order that is good for an hour."""
        said = StandingOrder(
            self.id, audience, seq, now, now + HOUR, halts, passes, frozen, ended
        )  # fmt: skip
        return envelope_text(self.sign(order_text(said)))

    def release(self, halt: str, audience: str = "fleet", now: datetime = NOW) -> Statement:
        return self.sign(release_text(Release(halt, audience, now, now + HOUR)))


COORDINATOR, ADA, EVE, MALLORY = (Signer(name) for name in ("coordinator", "ada", "eve", "mallory"))


@dataclass
class Machine:
    """A machine that has joined. Its keeper can be started again and again."""

    folder: Path
    coordinator: str = "http://127.0.0.1:9"
    extra: str = ""
    folders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "host.toml").write_text(
            f'coordinator = "{self.coordinator}"\nname = "build-7"\n{self.extra}'
        )
        token = self.folder / "host.token"
        token.write_text("secret\n")
        token.chmod(0o600)
        keys = (COORDINATOR.pinned("order"), ADA.pinned("release"), EVE.pinned("release"))
        (self.folder / "host.keys").write_text("".join(f"{one.line()}\n" for one in keys))

    @property
    def settings(self) -> HostSettings:
        return read_host_settings(self.folder)

    def keeper(self) -> Keeper:
        """As after a start of the process."""
        keys = Keys.of(self.settings.keys)
        return Keeper(self.settings, keys, lambda: self.now, lambda: self.folders)

    @property
    def state(self) -> State:
        """What gates read now."""
        return parse((self.folder / "state").read_text())

    def lines(self) -> list[str]:
        """The halts as they stand in the state file."""
        text = (self.folder / "state").read_text()
        return [line for line in text.splitlines() if line.startswith("halt ")]
