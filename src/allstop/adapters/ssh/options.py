"""Options of the verbs and the probe: which server, as whom, with which pinned key, and what to run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.options import Options

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%A-Za-z0-9]*")
_KEY = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\r\n]*)?")
OURS = "ALLSTOP_"


@dataclass(frozen=True, slots=True)
class Place:
    """One server, as one user, by one pinned key: what shares a connection."""

    host: str
    port: int
    user: str
    key_file: str
    host_key: str
    known_hosts_file: str


class LoginOptions(Options):
    """Which server, as whom."""

    host: str = Field(title="Host", description="Name or address of the server.")
    port: int = Field(default=22, ge=1, le=65_535, title="Port", description="Where sshd listens.")
    user: str = Field(min_length=1, title="User", description="The account there.")
    key_file: str = Field(
        min_length=1,
        title="Key file",
        description="File with the private key, without a passphrase. No other key is offered.",
    )
    host_key: str = Field(
        default="",
        title="Host key",
        description="The server's public key: `ssh-ed25519 AAAA...`. Any other key is refused.",
    )
    known_hosts_file: str = Field(
        default="",
        title="Known hosts file",
        description="A known_hosts file with the server's public key, in place of `host_key`.",
    )

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("write one name or address")
        return value

    @field_validator("host_key")
    @classmethod
    def _is_key(cls, value: str) -> str:
        if value and not _KEY.fullmatch(value.strip()):
            raise ValueError("write the kind and the key, as in the server's *.pub file")
        return value.strip()

    @model_validator(mode="after")
    def _is_pinned(self) -> LoginOptions:
        if bool(self.host_key) == bool(self.known_hosts_file):
            raise ValueError("give host_key or known_hosts_file, one of them")
        return self

    def place(self) -> Place:
        return Place(
            self.host, self.port, self.user, self.key_file, self.host_key, self.known_hosts_file
        )


class SshOptions(LoginOptions):
    """Which server, as whom, and what to run there."""

    argv: list[str] = Field(
        min_length=1,
        title="Command",
        description="Program and arguments; each is quoted, so the account's shell changes nothing.",
    )
    env: dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Written in front of the command, where everybody there can read it: no secrets.",
    )

    @field_validator("argv")
    @classmethod
    def _is_command(cls, value: list[str]) -> list[str]:
        # The shell would take the first word for one more variable.
        if value and (not value[0] or "=" in value[0]):
            raise ValueError("the program's name is empty or holds a =")
        if any("\0" in word for word in value):
            raise ValueError("a word holds a zero")
        return value

    @field_validator("env")
    @classmethod
    def _is_environment(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _NAME.fullmatch(name) or name.startswith(OURS):
                raise ValueError(f"a name is not allowed; {OURS}... are given by Allstop")
            if "\0" in text:
                raise ValueError("a value holds a zero")
        return value

    def line(self, order: Mapping[str, str]) -> str:
        """The command line for a POSIX shell, the order's variables in front."""
        return command_line({**order, **self.env}, self.argv)


class SshProbeOptions(SshOptions):
    """What to run where, and what is good."""

    expect_exit: int = Field(
        default=0, ge=0, le=255, title="Exit code", description="The good exit code."
    )
    expect_output: str = Field(
        default="", title="Output", description="Text that standard output must contain."
    )


def command_line(variables: Mapping[str, str], argv: Sequence[str]) -> str:
    """Variables and words as a shell reads them back unchanged."""
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    return " ".join([*words, *(shlex.quote(word) for word in argv)])
