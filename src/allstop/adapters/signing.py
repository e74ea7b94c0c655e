"""Ed25519 keys: the coordinator's, those with which people sign releases; and the file of signed checkpoints."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from allstop import errors

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _name(key: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the public key."""
    return hashlib.sha256(_raw(key)).hexdigest()[:16]


class SigningKey:
    """Signs with the key in a PEM file (mode 0600), which is made at the first start.

    `<file>.pub` gets a line `key_id hexadecimal-public-key` for every key there ever was; copy it
    to wherever the log is to be verified.
    Raises errors.Invalid when others may read the file, or it is not an Ed25519 key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = _load(path) if path.exists() else _make(path)
        self.key_id = _name(self._key.public_key())
        self.public = _raw(self._key.public_key()).hex()
        self.public_path = path.with_name(path.name + ".pub")
        self._publish(self.public_path)

    def sign(self, message: bytes) -> str:
        return self._key.sign(message).hex()

    def _publish(self, path: Path) -> None:
        line = f"{self.key_id} {self.public}\n"
        if not path.exists() or line not in path.read_text("ascii"):
            with path.open("a", encoding="ascii") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())


class PublicKeys:
    """Checks signatures with the keys of one or more `.pub` files.

    Raises errors.Missing when a file is not there, errors.Invalid when a line is not a key.
    """

    def __init__(self, *paths: Path) -> None:
        self._keys: dict[str, Ed25519PublicKey] = {}
        for path in paths:
            if not path.exists():
                raise errors.Missing(
                    f"there is no file of public keys at {path}",
                    "It stands beside the signing key of the coordinator, and ends in .pub.",
                )
            for line in path.read_text("ascii", "replace").splitlines():
                if line.strip():
                    self._add(line, path)

    def check(self, key_id: str, message: bytes, signature: str) -> bool | None:
        key = self._keys.get(key_id)
        if key is None:
            return None
        try:
            key.verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _add(self, line: str, path: Path) -> None:
        try:
            name, text = line.split()
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
        except ValueError:
            raise errors.Invalid(f"{path} has a line that is not a public key: {line}") from None
        if _name(key) != name:
            raise errors.Invalid(f"{path} gives the name {name} to another key")
        self._keys[name] = key


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A person's release key as others know it. public: hexadecimal; owner: whose it is, for people to read."""

    key_id: str
    public: str
    owner: str

    def line(self) -> str:
        return f"{self.key_id} {self.public} {self.owner}".rstrip() + "\n"


class ReleaseKeyFiles:
    """Release keys on the machine of the person they belong to: `NAME.key` (mode 0600) and `NAME.key.pub`."""

    def new(self, path: Path, owner: str) -> PinnedKey:
        """Make a key. Raises errors.Invalid when there is one: it is never overwritten."""
        if path.exists():
            raise errors.Invalid(f"there is a key at {path} already", "Choose another name.")
        made = _pinned(_make(path).public_key(), owner)
        path.with_name(path.name + ".pub").write_text(made.line(), "utf-8")
        return made

    def sign(self, path: Path, text: str) -> tuple[str, str]:
        """The name of the key in a file, and its signature of a text. Raises errors.Missing, errors.Invalid."""
        if not path.exists():
            raise errors.Missing(f"there is no key at {path}", "allstop key new NAME")
        key = _load(path)
        return _name(key.public_key()), key.sign(text.encode()).hex()

    def public(self, path: Path) -> tuple[PinnedKey, ...]:
        """The public keys in a file: `ID PUBLIC OWNER` on each line. Raises errors.Missing, errors.Invalid."""
        return PinnedKeys(path).listed()

    def pin(self, path: Path, keys: Iterable[PinnedKey]) -> tuple[PinnedKey, ...]:
        """Add public keys to a file of pinned ones; returns those that were not there."""
        known = PinnedKeys(path).listed() if path.exists() else ()
        there = {one.key_id for one in known}
        more = tuple(one for one in keys if one.key_id not in there)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text("".join(one.line() for one in (*known, *more)), "utf-8")
        fresh.replace(path)  # whole or not at all
        return more


class PinnedKeys:
    """Checks signatures with the public keys in a file, as it is at that moment; without the file none is pinned."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def listed(self) -> tuple[PinnedKey, ...]:
        """Raises errors.Missing without a file, errors.Invalid when a line is no public key."""
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            raise errors.Missing(f"there is no file of public keys at {self._path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise errors.Invalid(
                f"{self._path}: {error}", "A file of public keys ends in .pub."
            ) from error
        return tuple(
            self._read(line) for line in lines if line.strip() and not line.startswith("#")
        )

    def check(self, key_id: str, message: bytes, signature: str) -> bool | None:
        known = self.listed() if self._path.exists() else ()
        found = next((one for one in known if one.key_id == key_id), None)
        if found is None:
            return None
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.public))
            key.verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _read(self, line: str) -> PinnedKey:
        name, _, rest = line.strip().partition(" ")
        text, _, owner = rest.partition(" ")
        try:
            found = _pinned(Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)), owner.strip())
        except ValueError:
            found = None
        if found is None or found.key_id != name:
            raise errors.Invalid(f"{self._path} has a line that is no public key: {line[:80]}")
        return found


def _pinned(key: Ed25519PublicKey, owner: str) -> PinnedKey:
    return PinnedKey(_name(key), _raw(key).hex(), owner)


def _load(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & _OTHERS:
        raise errors.Invalid(
            f"others may read the signing key {path}", f"chmod 600 {path}, or make a new key."
        )
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise errors.Invalid(f"{path} is not a key: {error}", "Put the file back.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise errors.Invalid(f"{path} is not an Ed25519 key")
    return key


def _make(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    body = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)  # whole or not at all
    return key


class CheckpointFile:
    """Exported checkpoints as JSON lines; best on another disk, or in a file that only grows.

    Appends whole lines and syncs each. A line torn by a crash stays as it is, on its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, line: str) -> None:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                size = os.fstat(handle).st_size
                torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
                os.write(handle, f"{chr(10) if torn else ''}{line}\n".encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise errors.Unavailable(
                f"the checkpoint could not be exported to {self._path}: {error}",
                "Free some space there, or name another file.",
            ) from error

    def lines(self) -> Iterator[str]:
        if self._path.exists():
            with self._path.open(encoding="utf-8", errors="replace") as file:
                yield from (line for line in file.read().splitlines() if line.strip())
