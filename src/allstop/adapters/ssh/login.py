"""Logging in: one key, one pinned host key, nothing from the coordinator's own SSH settings."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.adapters.ssh.options import Place

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

LOGIN_MS = 10_000
_LARGEST_KEY = 65_536
_LARGEST_KNOWN_HOSTS = 4_000_000
_KEEPALIVE_SECONDS = 5
_THREADS = ThreadPool("ssh", 4)


class NotSent(Exception):
    """Nothing was run. passing: it may work later."""

    def __init__(self, text: str, *, passing: bool = True) -> None:
        super().__init__(one_line(text))
        self.passing = passing


def check_library() -> None:
    """Raises ModuleNotFoundError, naming the extra, when asyncssh is not installed. Loads nothing."""
    if importlib.util.find_spec("asyncssh") is None:
        raise ModuleNotFoundError("needs asyncssh: pip install 'allstop[ssh]'")


def load() -> Any:
    """asyncssh itself. Raises NotSent."""
    try:
        import asyncssh  # noqa: PLC0415 - the extra may be missing, and is slow to load
    except ImportError as error:
        raise NotSent(f"asyncssh cannot be loaded: {error}", passing=False) from error
    # It would write every command into the log.
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    return asyncssh


async def _loaded() -> Any:
    """The same, in a thread: the first time it takes so long that halts would wait. Raises NotSent."""
    try:
        return await _THREADS.run(load, LOGIN_MS)
    except TimeoutError:
        raise NotSent("asyncssh is still being loaded") from None


async def log_in(place: Place) -> SSHClientConnection:
    """A connection whose host key is the pinned one. Raises NotSent."""
    asyncssh = await _loaded()
    settings = await _settings(asyncssh, place)
    try:
        async with asyncio.timeout(LOGIN_MS / 1000):
            connection: SSHClientConnection = await asyncssh.connect(**settings)
            return connection
    except TimeoutError:
        raise NotSent(f"no login within {seconds(LOGIN_MS)}") from None
    except asyncssh.HostKeyNotVerifiable:
        raise NotSent("the server's host key is not the pinned one", passing=False) from None
    except asyncssh.PermissionDenied:
        raise NotSent(f"the server does not let {place.user} in", passing=False) from None
    except asyncssh.KeyExchangeFailed:
        # A server without a key of the pinned kind ends here as well.
        text = "no agreement with the server on keys and ciphers; is the pinned key of its kind?"
        raise NotSent(text, passing=False) from None
    except (asyncssh.Error, OSError, ValueError) as error:
        raise NotSent(f"no connection: {_why(error)}") from None


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


async def _settings(asyncssh: Any, place: Place) -> dict[str, Any]:
    return {
        "host": place.host,
        "port": place.port,
        "username": place.user,
        "known_hosts": await _pinned(asyncssh, place),
        "client_keys": [await _key(asyncssh, place.key_file)],
        # In front of what else both sides know: the library's own first choice costs several times the
        # processor time for each packet.
        "encryption_algs": "^aes256-gcm@openssh.com,aes128-gcm@openssh.com",
        "client_certs": [],
        "config": None,
        "agent_path": None,
        "preferred_auth": "publickey",
        "password_auth": False,
        "kbdint_auth": False,
        "host_based_auth": False,
        "gss_kex": False,
        "gss_auth": False,
        "x509_trusted_certs": [],
        "x509_trusted_cert_paths": [],
        "pkcs11_provider": None,
        "keepalive_interval": _KEEPALIVE_SECONDS,
        "keepalive_count_max": 3,
        "connect_timeout": LOGIN_MS / 1000,
        "login_timeout": LOGIN_MS / 1000,
    }


async def _key(asyncssh: Any, path: str) -> Any:
    try:
        text = await _read(path, _LARGEST_KEY, "the key")
        return await _THREADS.run(lambda: asyncssh.import_private_key(text), LOGIN_MS)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, TimeoutError):
        # What the library says may hold a piece of the file.
        text = f"{path} holds no private key that can be used without a passphrase"
        raise NotSent(text, passing=False) from None


async def _pinned(asyncssh: Any, place: Place) -> Any:
    try:
        if place.host_key:
            return ([asyncssh.import_public_key(place.host_key)], [], [])
        text = await _read(place.known_hosts_file, _LARGEST_KNOWN_HOSTS, "the known hosts")
        return asyncssh.import_known_hosts(text)
    except asyncssh.KeyImportError:
        raise NotSent("the pinned host key is no public key", passing=False) from None
    except ValueError as error:
        raise NotSent(f"{place.known_hosts_file}: {error}", passing=False) from None


async def _read(path: str, limit: int, what: str) -> str:
    try:
        return await _THREADS.run(lambda: beginning(Path(path), limit), LOGIN_MS)
    except TimeoutError:
        raise NotSent(f"{what}: {path} cannot be read in time") from None
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise NotSent(f"{what}: {path} cannot be read: {why}", passing=False) from None
