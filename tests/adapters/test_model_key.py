"""The adapter `model-key`, actuator and probe, against servers that speak the providers' documented contracts.

Neither provider can run here: the servers below answer as the pages named in the adapter say, and keep state.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from allstop.adapters.model_key.actuator import ModelKey
from allstop.adapters.model_key.probe import ModelKeyProbe
from allstop.domain.effects import Ending, Outcome
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback
from tests.adapters.worlds import Blobs, effect

ADMIN = "sk-ant-admin01-very-secret"
KEYS = {
    "anthropic": "apikey_01Rj2N8SVvo6BePZj99NhmiT",
    "litellm": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05",
}


@dataclass
class Issuer:
    """Both providers in one. status: of the only key; late: how many looks still show what was before."""

    status: str = "active"
    late: int = 0
    lost: bool = False
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    _before: str = "active"

    async def handle(self, asked: loopback.Received, writer: asyncio.StreamWriter) -> None:
        self.requests.append((asked.method, asked.path, asked.headers, asked.body))
        status, said = self._answer(asked.method, urlsplit(asked.path), asked.headers, asked.body)
        if not (self.lost and asked.method == "POST"):
            writer.write(loopback.raw(status, json.dumps(said).encode()))

    def _answer(
        self, method: str, url: Any, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        if ADMIN not in (
            headers.get("x-api-key"),
            headers.get("authorization", "").removeprefix("Bearer "),
        ):
            return 401, {"type": "error", "error": {"type": "authentication_error"}}
        if url.path.startswith("/v1/organizations/api_keys/"):
            return self._anthropic(method, url.path.rpartition("/")[2], headers, body)
        return self._litellm(method, url, body)

    def _anthropic(
        self, method: str, key: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        if headers.get("anthropic-version") != "2023-06-01":
            return 400, {"type": "error"}
        if key != KEYS["anthropic"]:
            return 404, {"type": "error", "error": {"type": "not_found_error"}}
        if method == "POST":
            self._set(json.loads(body)["status"])
        return 200, {"type": "api_key", "id": key, "name": "builder", "status": self._shown()}

    def _litellm(self, method: str, url: Any, body: bytes) -> tuple[int, Any]:
        if method == "POST" and url.path in ("/key/block", "/key/unblock"):
            if json.loads(body) != {"key": KEYS["litellm"]}:
                return 404, {"error": {"message": "Key not found"}}
            self._set("inactive" if url.path == "/key/block" else "active")
            return 200, {"token": KEYS["litellm"], "blocked": self.status == "inactive"}
        if url.path == "/key/info" and parse_qs(url.query)["key"] == [KEYS["litellm"]]:
            shown = self._shown()
            return 200, {
                "key": KEYS["litellm"],
                "info": {"blocked": True if shown == "inactive" else None},
            }
        return 404, {"error": {"message": "Key not found"}}

    def _set(self, status: str) -> None:
        self._before, self.status = self.status, status

    def _shown(self) -> str:
        if self.late > 0 and self._before != self.status:
            self.late -= 1
            return self._before
        return self.status


PATHS = (
    f"/v1/organizations/api_keys/{KEYS['anthropic']}", f"/key/info?key={KEYS['litellm']}", "/key/block", "/key/unblock",
)  # fmt: skip


@asynccontextmanager
async def issuing(issuer: Issuer) -> AsyncIterator[str]:
    """A provider that listens; what it does not know it answers with 404."""
    async with loopback.serving(dict.fromkeys(PATHS, issuer.handle)) as world:
        yield world.url("")


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "admin"
    path.write_text(ADMIN + "\n")
    path.chmod(0o600)
    return str(path)


def options(provider: str, url: str, token: str, **more: Any) -> dict[str, Any]:
    return {"provider": provider, "url": url, "key": KEYS[provider], "token_file": token, **more}


async def act(verb: str, wanted: dict[str, Any], timeout_ms: int = 3000) -> Outcome:
    return await ModelKey().act(effect(verb, wanted, timeout_ms=timeout_ms), Blobs())


class TestContract(ActuatorContract):
    @pytest.fixture(params=["anthropic", "litellm"])
    async def case(self, request: pytest.FixtureRequest, token: str) -> AsyncIterator[ActuatorCase]:
        # Each verb has a world of its own: a key that can be used, and one that is blocked.
        usable, blocked = Issuer(), Issuer(status="inactive")
        routes: dict[str, loopback.Handler] = {}
        async with (
            issuing(usable) as url,
            issuing(blocked) as other,
            loopback.serving(routes) as trouble,
        ):
            wanted = options(request.param, url, token)
            for path in (
                f"/v1/organizations/api_keys/{KEYS['anthropic']}",
                f"/key/info?key={KEYS['litellm']}",
            ):
                routes[f"/hang{path}"] = loopback.hangs
            closed = f"http://127.0.0.1:{loopback.closed_port()}"
            yield ActuatorCase(
                ModelKey(),
                (
                    VerbCase("block", wanted, lambda: usable.status, "inactive"),
                    VerbCase("unblock", {**wanted, "url": other}, lambda: blocked.status, "active"),
                ),
                trouble=(
                    ("block", {**wanted, "url": closed}),
                    ("block", {**wanted, "url": trouble.url("/hang")}),
                    ("block", {**wanted, "token_file": "/does/not/exist"}),
                ),
            )


@pytest.mark.parametrize("provider", ["anthropic", "litellm"])
async def test_a_key_is_blocked_where_it_was_issued_and_seen_to_be(
    provider: str, token: str
) -> None:
    issuer = Issuer()
    async with issuing(issuer) as url:
        blocked = await act("block", options(provider, url, token))
        assert blocked.ending is Ending.DONE, blocked.because
        assert issuer.status == "inactive"
        assert "read back" in blocked.because
        # once more changes nothing, and says that it held already
        posts = sum(method == "POST" for method, *_ in issuer.requests)
        again = await act("block", options(provider, url, token))
        assert "already" in again.because
        assert sum(method == "POST" for method, *_ in issuer.requests) == posts
        assert (await act("unblock", options(provider, url, token))).ending is Ending.DONE
        assert issuer.status == "active"


@pytest.mark.parametrize("provider", ["anthropic", "litellm"])
async def test_what_was_taken_counts_only_once_it_shows(provider: str, token: str) -> None:
    slow = Issuer(late=3)
    async with issuing(slow) as url:
        assert (await act("block", options(provider, url, token))).ending is Ending.DONE
    never = Issuer(late=1_000_000)
    async with issuing(never) as url:
        outcome = await act("block", options(provider, url, token), timeout_ms=600)
        assert outcome.ending is Ending.UNKNOWN
        assert "it was taken, but" in outcome.because


async def test_an_answer_that_is_lost_is_not_taken_for_a_refusal(token: str) -> None:
    issuer = Issuer(lost=True)
    async with issuing(issuer) as url:
        wanted = options("anthropic", url, token)
        outcome = await act("block", wanted)
        assert outcome.ending is Ending.UNKNOWN
        # looking first, as after a crash, finds that it was done
        seen = await ModelKey().observe(effect("block", wanted))
        assert seen.ending is Ending.DONE


@pytest.mark.parametrize("status", ["archived", "expired"])
async def test_what_cannot_come_back_is_said_at_once(status: str, token: str) -> None:
    issuer = Issuer(status=status)
    async with issuing(issuer) as url:
        outcome = await act("unblock", options("anthropic", url, token))
        assert outcome.ending is Ending.FAILED
        assert "cannot be taken back" in outcome.because
        # and nobody can use it, which is what a block wants
        assert (await act("block", options("anthropic", url, token))).ending is Ending.DONE


@pytest.mark.parametrize("provider", ["anthropic", "litellm"])
async def test_no_secret_is_in_what_is_said_or_kept(
    provider: str, token: str, tmp_path: Path
) -> None:
    issuer = Issuer()
    async with issuing(issuer) as url:
        for wanted in [
            options(provider, url, token),
            options(provider, url, token, key="unknown"),
            options(provider, url + "/nowhere", token),
        ]:
            outcome = await act("block", wanted)
            assert ADMIN not in outcome.because
            assert ADMIN not in str(outcome.facts)
        wrong = tmp_path / "wrong"
        wrong.write_text("sk-other")
        wrong.chmod(0o600)
        outcome = await act("block", options(provider, url, str(wrong)))
        assert outcome.ending is Ending.FAILED
        assert "not taken" in outcome.because
        assert "sk-other" not in outcome.because


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"key": "sk-ant-api03-the-key-itself"}, "that is the key itself"),
        ({"key": "two words"}, "has no blanks"),
        ({"key": ""}, "key"),
        ({"provider": "openai"}, "provider"),
        ({"token": "x"}, "token"),
    ],
)
async def test_bad_options_are_refused(wanted: dict[str, Any], said: str, token: str) -> None:
    outcome = await act("block", {**options("anthropic", "http://127.0.0.1:9", token), **wanted})
    assert outcome.ending is Ending.FAILED
    assert said in outcome.because


async def test_a_token_that_others_may_read_is_not_used(token: str) -> None:
    Path(token).chmod(0o644)
    issuer = Issuer()
    async with issuing(issuer) as url:
        outcome = await act("block", options("anthropic", url, token))
        assert outcome.ending is Ending.FAILED
        assert "chmod 600" in outcome.because
        assert issuer.requests == []


async def test_preflight_tries_it_without_changing_it(token: str) -> None:
    issuer = Issuer()
    async with issuing(issuer) as url:
        good = await ModelKey().verify(options("litellm", url, token), 3000)
        assert good.ending is Ending.DONE, good.because
        bad = await ModelKey().verify(options("litellm", url, token, key="gone"), 3000)
        assert bad.ending is Ending.FAILED
        assert all(method == "GET" for method, *_ in issuer.requests)
        assert issuer.status == "active"


class TestProbe(ProbeContract):
    @pytest.fixture(params=["anthropic", "litellm"])
    async def case(self, request: pytest.FixtureRequest, token: str) -> AsyncIterator[ProbeCase]:
        issuer = Issuer(status="inactive")
        routes: dict[str, loopback.Handler] = {}
        async with issuing(issuer) as url, loopback.serving(routes) as trouble:
            wanted = options(request.param, url, token)
            path = (
                f"/v1/organizations/api_keys/{KEYS['anthropic']}"
                if request.param == "anthropic"
                else f"/key/info?key={KEYS['litellm']}"
            )
            trouble.routes |= {
                f"/hang{path}": loopback.hangs,
                f"/noise{path}": loopback.no_http,
                f"/page{path}": loopback.says(200, b"<html>Sorry</html>"),
            }
            yield ProbeCase(
                ModelKeyProbe(),
                good={**wanted, "blocked": True},
                bad={**wanted, "blocked": False},
                silent={**wanted, "url": trouble.url("/hang")},
                impossible={**wanted, "url": "gopher://127.0.0.1"},
                absent={**wanted, "url": f"http://127.0.0.1:{loopback.closed_port()}"},
                garbage=(
                    {**wanted, "url": trouble.url("/noise")},
                    {**wanted, "url": trouble.url("/page")},
                    {**wanted, "key": "gone"},
                ),
            )
