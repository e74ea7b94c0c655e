"""Who issues keys, and how each is asked: one request that sets, one that reads, and what its answer means.

Sources: Anthropic Admin API, "Update API Key" and "Get API Key" (platform.claude.com, 2026-11); LiteLLM proxy,
`/key/block`, `/key/unblock`, `/key/info` (docs.litellm.ai and its OpenAPI, 2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import read_json
from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.http_calls import Answer, Request
from allstop.adapters.mechanisms.options import Options

_LONGEST_SECRET = 4096
_VERSION = "2023-06-01"


class KeyOptions(Options):
    """Whose key, and with which right it is changed."""

    provider: Literal["anthropic", "litellm"] = Field(
        title="Provider", description="Who issued the key."
    )
    url: str = Field(
        default="https://api.anthropic.com",
        title="URL",
        description="The provider's or the proxy's address, without a path.",
    )
    key: str = Field(
        min_length=1,
        max_length=200,
        title="Key",
        description="The key's id (anthropic) or its hash (litellm); never the key itself.",
    )
    token_file: str = Field(
        min_length=1,
        title="Token file",
        description="File with the administrator's key, read each time; only its owner may read it.",
    )

    @field_validator("key")
    @classmethod
    def _no_secret(cls, value: str) -> str:
        if value.startswith("sk-"):
            raise ValueError("that is the key itself: give its id or hash, which is no secret")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("an id or a hash has no blanks and no odd letters")
        return value


@dataclass(frozen=True, slots=True)
class Standing:
    """What the provider says of the key. blocked: None when it says something nobody knows; word: its own."""

    blocked: bool | None
    word: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Provider:
    """How it is asked. setting: (path, body) for a key, and whether it is to be blocked; reading: path; says: what an answer means."""

    setting: Callable[[str, bool], tuple[str, dict[str, Any]]]
    reading: Callable[[str], str]
    says: Callable[[Any], Standing]
    headers: Callable[[str], Mapping[str, str]]


def _anthropic_says(value: Any) -> Standing:
    status = value.get("status") if isinstance(value, dict) else None
    if status == "active":
        return Standing(blocked=False, word="active")
    if status in ("inactive", "archived", "expired"):
        return Standing(blocked=True, word=str(status), final=status != "inactive")
    return Standing(None, "no status")


def _litellm_says(value: Any) -> Standing:
    info = value.get("info") if isinstance(value, dict) else None
    if not isinstance(info, dict) or "blocked" not in info:
        return Standing(None, "no word about it")
    # The proxy has no value for a key that was never blocked.
    if info["blocked"] in (None, False):
        return Standing(blocked=False, word="not blocked")
    return Standing(True if info["blocked"] is True else None, "blocked")


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider(
        setting=lambda key, blocked: (
            f"/v1/organizations/api_keys/{quote(key, safe='')}",
            {"status": "inactive" if blocked else "active"},
        ),
        reading=lambda key: f"/v1/organizations/api_keys/{quote(key, safe='')}",
        says=_anthropic_says,
        headers=lambda token: {"x-api-key": token, "anthropic-version": _VERSION},
    ),
    "litellm": Provider(
        setting=lambda key, blocked: ("/key/block" if blocked else "/key/unblock", {"key": key}),
        reading=lambda key: f"/key/info?key={quote(key, safe='')}",
        says=_litellm_says,
        headers=lambda token: {"authorization": f"Bearer {token}"},
    ),
}


def secret_in(path: str) -> str:
    """The administrator's key. Raises OSError, ValueError with a sentence."""
    file = Path(path)
    if file.stat().st_mode & 0o077:
        raise ValueError(f"others may read {path}: chmod 600 {path}")
    secret = beginning(file, _LONGEST_SECRET).strip()
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError(f"{path} holds no key")
    return secret


def asking(options: KeyOptions, token: str, deadline: Deadline) -> Request:
    """The request that reads how the key stands."""
    provider = PROVIDERS[options.provider]
    url = options.url.rstrip("/") + provider.reading(options.key)
    return Request("GET", url, deadline.left_ms(), headers=provider.headers(token))


def setting(options: KeyOptions, token: str, blocked: bool, deadline: Deadline) -> Request:
    """The request that blocks the key, or lets it be used again."""
    provider = PROVIDERS[options.provider]
    path, body = provider.setting(options.key, blocked)
    headers = {"content-type": "application/json", **provider.headers(token)}
    url = options.url.rstrip("/") + path
    content = json.dumps(body).encode()
    return Request("POST", url, deadline.left_ms(), content=content, headers=headers)


def standing(options: KeyOptions, answer: Answer) -> Standing | str:
    """What an answer says of the key; a sentence when it says nothing that can be used."""
    if answer.status in (401, 403):
        return f"answered {answer.status}: the administrator's key is not taken"
    if answer.status == 404:
        return "answered 404: there is no such key"
    if not 200 <= answer.status <= 299 or answer.cut:
        return f"answered {answer.status}"
    try:
        return PROVIDERS[options.provider].says(read_json(answer.body))
    except ValueError:
        return "answered what is no JSON"
