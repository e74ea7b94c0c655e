"""The probe `prometheus`: a real Prometheus, and answers that prove nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from allstop.adapters.prometheus_probe import PrometheusProbe
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback

API = "/api/v1/query"


def vector(*values: object, **more: Any) -> loopback.Handler:
    """An answer with one series for each value."""
    result = [
        {"metric": {"instance": f"i{number}"}, "value": [1_760_000_000.5, value]}
        for number, value in enumerate(values)
    ]
    return says({"resultType": "vector", "result": result}, **more)


def says(data: object, **more: Any) -> loopback.Handler:
    return loopback.says(200, {"status": "success", "data": data, **more})


async def measure(
    url: str, timeout_ms: int = 3000, **options: Any
) -> tuple[bool | None, str, dict[str, Any]]:
    wanted = {"url": url, "query": "up", **options}
    sample, facts = await PrometheusProbe().measure("p", wanted, timeout_ms)
    return sample.good, sample.text, facts


async def asked(
    handler: loopback.Handler, **options: Any
) -> tuple[bool | None, str, dict[str, Any]]:
    """What the probe makes of one answer."""
    async with loopback.serving({API: handler}) as world:
        return await measure(world.url(""), **options)


class TestContract(ProbeContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ProbeCase]:
        routes = {
            f"/good{API}": vector("1", "0.5"),
            f"/hang{API}": loopback.hangs,
            f"/noise{API}": loopback.no_http,
            f"/page{API}": loopback.says(200, b"<html>Sorry!</html>"),
        }
        async with loopback.serving(routes) as world:

            def options(path: str, **more: Any) -> dict[str, Any]:
                return {"url": world.url(path), "query": "up", "at_most": 1, **more}

            yield ProbeCase(
                PrometheusProbe(),
                good=options("/good"),
                bad=options("/good", at_most="0.99"),
                silent=options("/hang"),
                impossible=options("/good", url="gopher://127.0.0.1"),
                absent=options("", url=f"http://127.0.0.1:{loopback.closed_port()}"),
                garbage=(options("/noise"), options("/page"), options("/none")),
            )


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that scrapes nothing; its address."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus here (Debian's package prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "empty.yml").write_text("{}\n")
    for _ in range(5):  # a free port may be taken by somebody else before it is used
        port = loopback.closed_port()
        process = subprocess.Popen(
            [
                program, f"--config.file={folder}/empty.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if _listens(process, port):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.kill()
            process.wait(10)
    raise AssertionError("prometheus did not start")


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    latest = time.monotonic() + 30
    while time.monotonic() < latest and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("query", "limits", "good", "why"),
    [
        ("vector(3)", {"at_most": 3}, True, "1 series, the worst of them 3"),
        ("vector(3)", {"at_most": "2.999"}, False, "3 is more than 2.999"),
        ("1 + 2", {"at_least": 3, "at_most": 3}, True, "1 series"),
        ("vector(3)", {"at_least": 4}, False, "3 is less than 4"),
        ('vector(1) or label_replace(vector(9), "job", "pay", "", "")', {"at_most": 5}, False,
         "9 (job=pay) is more than 5"),
        ("no_such_series", {"at_most": 1}, None, "no series"),
        ("vector(1)", {"at_most": 1, "min_series": 2}, None, "1 series, and 2 are needed"),
        ("vector(NaN)", {"at_most": 1}, None, "NaN"),
        ("vector(1/0)", {"at_most": 1}, False, "Infinity is more than 1"),
        ("vector(1/0)", {"at_least": 1}, True, "Infinity"),
        ("foo{", {"at_most": 1}, None, "answered 400: invalid parameter"),
        ('"text"', {"at_most": 1}, None, "the query gives string"),
        ("vector(1)[5m:1m]", {"at_most": 1}, None, "the query gives matrix"),
    ],
)  # fmt: skip
async def test_a_real_prometheus_is_understood(
    prometheus: str, query: str, limits: dict[str, Any], good: bool | None, why: str
) -> None:
    """Given PromQL of each kind, only numbers within all limits are good, and no data never is."""
    latest = time.monotonic() + 10
    while True:
        seen, text, _ = await measure(prometheus, query=query, **limits)
        if "answered 503" not in text:  # it is still starting
            break
        assert time.monotonic() < latest
        await asyncio.sleep(0.05)
    assert seen is good, text
    assert why in text


async def test_every_series_has_to_keep_the_limit() -> None:
    """Given three series, one beyond the limit is enough, and the worst one is the fact."""
    handler = vector("0.1", "0.20", "0.05")
    assert await asked(handler, at_most="0.2") == (
        True, "3 series, the worst of them 0.20", {"series": 3, "value": "0.20"},
    )  # fmt: skip
    good, text, facts = await asked(handler, at_most="0.19")
    assert (good, text) == (False, "0.20 (instance=i1) is more than 0.19")
    good, text, facts = await asked(handler, at_most=1, at_least="0.1")
    assert (good, text) == (False, "0.05 (instance=i2) is less than 0.1")
    assert facts == {"series": 3, "value": "0.05"}


async def test_a_partial_answer_is_never_good() -> None:
    """Given warnings, which a federation sends when a part of it is away, good is not believed, bad is."""
    handler = vector("1", warnings=["store down: <script>\n"])
    good, text, _ = await asked(handler, at_most=1)
    assert good is None
    assert "not all is known: store down" in text
    assert (await asked(handler, at_most=0))[0] is False
    assert (await asked(vector("1", infos=["no counter"]), at_most=1))[0] is True


@pytest.mark.parametrize(
    "handler",
    [
        says(None),
        says({}),
        says({"resultType": "vector"}),
        says({"resultType": "vector", "result": {}}),
        says({"resultType": "vector", "result": [1]}),
        says({"resultType": "vector", "result": [{"metric": {}}]}),
        says({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}),
        says({"resultType": "scalar", "result": [1]}),
        says({"resultType": "scalar", "result": "1"}),
        vector(1),
        vector("1", None),
        vector("many"),
        vector("sNaN"),
        vector("1", "NaN"),
        vector(""),
        loopback.says(200, b"[" * 100_000),
        loopback.says(200, b"[]"),
        loopback.says(200, {"status": "error", "error": "x" * 1000}),
        loopback.says(
            500, {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}
        ),
        loopback.says(302, b"", {"location": "/elsewhere"}),
        loopback.floods,
        loopback.hangs_up,
        loopback.trickles,
    ],
)
async def test_nonsense_proves_nothing(handler: loopback.Handler) -> None:
    """Given an answer without sense, a cut one or none, it is neither good nor bad."""
    good, text, facts = await asked(handler, at_least=0, timeout_ms=800, max_bytes=60_000)
    assert (good, facts) == (None, {})
    assert text


async def test_secrets_come_from_files_and_go_only_there(tmp_path: Path) -> None:
    """Given a token or a password in a file, it is sent, and nowhere told."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret-word\n")
    async with loopback.serving({API: vector("1")}) as world:

        async def sent(**options: Any) -> str:
            good, text, facts = await measure(world.url(""), at_most=1, **options)
            assert good is True
            assert "s3cret" not in text + json.dumps(facts)
            return world.requests[-1].headers.get("authorization", "")

        assert await sent() == ""
        assert await sent(token_file=str(secret)) == "Bearer s3cret-word"
        assert await sent(user="ada", password_file=str(secret)) == "Basic YWRhOnMzY3JldC13b3Jk"
        asked_for = parse_qs(world.requests[-1].body.decode())
        assert asked_for == {"query": ["up"]}
        count = len(world.requests)
        secret.write_text("")
        wrong: tuple[dict[str, Any], ...] = (
            {"token_file": str(secret)},
            {"token_file": str(tmp_path / "none")},
            {"user": "ada"},
            {"token_file": str(secret), "user": "a", "password_file": str(secret)},
            {"at_most": "a lot"},
            {"at_most": "NaN"},
            {"at_most": None},
        )
        for bad in wrong:
            assert (await measure(world.url(""), **{"at_most": 1, **bad}))[0] is None, bad
        told = await measure(world.url("").replace("//", "//ada:s3cret@"), at_most=1)
        assert (told[0], "s3cret" in told[1]) == (None, False)
        assert len(world.requests) == count
