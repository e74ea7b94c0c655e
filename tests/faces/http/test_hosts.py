"""Hosts over HTTP: enrolled by people, told by stream or poll, and let in nowhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from allstop.adapters.signing import PinnedKeys, PublicKeys, ReleaseKeyFiles
from allstop.domain.halt.order_text import Release, release_text
from allstop.domain.halt.standing_order import Accepted, Known, accept
from allstop.domain.policy import Grant, Policy, ReleaseRule
from allstop.domain.principal import host_principal
from allstop.errors import Unauthenticated
from allstop.faces.http.operations import OPERATIONS
from allstop.faces.http.order_stream import Followers
from allstop.faces.web import Sessions
from allstop.faces.web.entrance import Entrance
from tests.faces.http.house import (
    AGENT,
    COMMANDER,
    OWNER,
    House,
    bearer,
    house_policy,
    living,
)

ORDERS = "/api/v1/orders"


async def enrolled(house: House, name: str = "web-1") -> dict[str, str]:
    """The headers of a host that has just been enrolled."""
    async with house.remote(OWNER) as owner:
        answer = await owner.post("/api/v1/hosts", json={"host": name})
    assert answer.status_code == 201, answer.text
    return bearer(answer.json()["token"])


async def halted(house: House, **more: Any) -> str:
    async with house.remote(COMMANDER) as ada:
        answer = await ada.post("/api/v1/halts", json={"scope": "all", "reason": "stop", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["halt"])


@asynccontextmanager
async def following(house: House, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[Any]]:
    """(id, envelope) of each order as it comes in."""
    async with (
        house.remote(headers=headers) as host,
        host.stream("GET", f"{ORDERS}/stream", timeout=10) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[int, str]]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            assert fields["event"] == "order"
            yield int(fields["id"]), fields["data"]
            fields = {}


def heard(house: House, known: Known, envelope: str | bytes) -> Known:
    """What a host knows afterwards that has pinned the coordinator's key."""
    pinned = PublicKeys(house.coordinator.home / "signing.key.pub")
    now = house.coordinator.clock.now().utc
    found = accept(known, envelope, pinned.check, lambda *_: None, now)
    assert isinstance(found, Accepted), found
    return found.known


async def test_a_host_hears_what_stands_first_and_then_every_change(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        first = await halted(house)
        async with following(house, headers) as orders:
            number, envelope = await anext(orders)
            known = heard(house, Known("web-1"), envelope)
            assert ([halt.id for halt in known.halts], known.seq) == ([first], number)
            second = await halted(house, scope="agent:builder-1")
            known = heard(house, known, (await anext(orders))[1])
            assert [halt.id for halt in known.halts] == [first, second]
            async with house.remote(OWNER) as eve:
                await eve.post(f"/api/v1/halts/{first}/release", json={"because": "it is over"})
            known = heard(house, known, (await anext(orders))[1])
            assert [halt.id for halt in known.halts] == [second]


async def test_whoever_polls_waits_for_news_and_not_for_ever(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        async with house.remote(headers=headers) as host:
            now = heard(house, Known("web-1"), (await host.get(ORDERS)).content)
            waiting = asyncio.create_task(host.get(f"{ORDERS}?after={now.seq}&wait=30"))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            halt = await halted(house)
            known = heard(house, now, (await waiting).content)
            assert [one.id for one in known.halts] == [halt]
            again = await host.get(f"{ORDERS}?after={known.seq}&wait=0")
            assert heard(house, known, again.content) == known


async def test_the_key_to_pin_is_the_key_that_signs(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        async with house.remote(headers=headers) as host:
            (key,) = (await host.get(f"{ORDERS}/keys")).json()["keys"]
            envelope = (await host.get(ORDERS)).json()
        assert key["key"] == envelope["key"] == json.loads(envelope["order"])["issuer"]
        assert f"{key['key']} {key['public']}" in (tmp_path / "signing.key.pub").read_text("ascii")


async def test_an_acknowledgement_is_shown_and_a_refusal_as_well(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        await halted(house)
        async with house.remote(headers=headers) as host, house.remote(COMMANDER) as ada:
            seq = json.loads((await host.get(ORDERS)).json()["order"])["seq"]
            refused = [{"seq": 3, "code": "forged", "because": "not of its text"}]
            answer = await host.post(
                "/api/v1/hosts/web-1/acks", json={"seq": seq, "refused": refused}
            )
            assert (answer.status_code, answer.json()) == (200, {"seq": seq, "questions": []})
            (line,) = (await ada.get("/api/v1/hosts")).json()
        assert (line["host"], line["state"], line["seq"]) == ("web-1", "current", seq)
        assert [one["code"] for one in line["refused"]] == ["forged"]
        assert line["heard_at"] is not None


async def test_orders_are_for_hosts_only(tmp_path: Path) -> None:
    """They name private incidents too, to whoever reads them."""
    async with living(tmp_path) as house:
        for who in (OWNER, AGENT):
            async with house.remote(who) as asking:
                for path in (ORDERS, f"{ORDERS}/stream"):
                    answer = await asking.get(path)
                    assert answer.status_code == 403
                    assert answer.json()["reasons"][0]["code"] == "hosts-only"


async def test_a_host_is_let_in_nowhere_else(tmp_path: Path) -> None:
    """Given a host's token, every operation that is not for hosts answers that it knows nobody."""
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        async with house.remote(headers=headers) as host:
            for one in OPERATIONS:
                if one.for_hosts or one.open:
                    continue
                path = one.path.replace("{", "").replace("}", "")
                more: dict[str, Any] = {"json": {}} if one.unsafe else {}
                answer = await host.request(one.method, path, **more)
                assert answer.status_code == 401, f"{one.id}: {answer.status_code}"


async def test_a_host_signs_in_to_no_console(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        sessions = Sessions(house.coordinator.clock, lambda: "x" * 64)
        entrance = Entrance(house.coordinator, sessions)
        assert entrance.with_token(house.tokens[OWNER])
        with pytest.raises(Unauthenticated, match="follows orders and nothing else"):
            entrance.with_token(headers["Authorization"].removeprefix("Bearer "))


async def test_who_may_enrol_and_who_may_acknowledge(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        await enrolled(house)
        for who in (COMMANDER, AGENT):
            async with house.remote(who) as asking:
                assert (
                    await asking.post("/api/v1/hosts", json={"host": "db-1"})
                ).status_code == 403
                answer = await asking.post("/api/v1/hosts/web-1/acks", json={"seq": 1})
                assert answer.status_code == 403
        other = await enrolled(house, "web-2")
        async with house.remote(headers=other) as host:
            assert (await host.post("/api/v1/hosts/web-1/acks", json={"seq": 1})).status_code == 403
            assert (await host.post("/api/v1/hosts/web-9/acks", json={"seq": 1})).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {}, {"seq": -1}, {"seq": "1"}, {"seq": 1, "more": 1},
        {"seq": 1, "refused": [{"seq": 1, "code": "Forged!", "because": "x"}]},
        {"seq": 1, "frozen": [{"agent": "a", "processes": -1, "evidence": "x"}]},
        {"seq": 1, "agents": ["x"] * 1001},
    ],
)  # fmt: skip
async def test_nonsense_from_a_host_is_refused_in_words(tmp_path: Path, body: Any) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        async with house.remote(headers=headers) as host:
            answer = await host.post("/api/v1/hosts/web-1/acks", json=body)
        assert answer.status_code == 422
        assert answer.json()["reasons"]


def guarded() -> Policy:
    """A halt by hand takes two people and one release key."""
    policy = house_policy()
    rules = replace(policy.protocol.all_stop, release=(ReleaseRule("", 2, 1),))
    authority = (*policy.protocol.authority, Grant("release", ("person",)))
    protocol = replace(policy.protocol, all_stop=rules, authority=authority)
    return replace(policy, protocol=protocol)


def signed(house: House, halt: str, file: Path, hours: int = 1) -> dict[str, str]:
    now = house.coordinator.clock.now().utc
    text = release_text(Release(halt, "fleet", now, now + timedelta(hours=hours)))
    key, signature = ReleaseKeyFiles().sign(file, text)
    return {"text": text, "key": key, "signature": signature}


async def test_a_guarded_halt_ends_by_two_people_and_a_key_and_a_host_sees_for_itself(
    tmp_path: Path,
) -> None:
    """The coordinator holds no release key: what it cannot sign, a host does not believe."""
    file, files = tmp_path / "ada.key", ReleaseKeyFiles()
    made = files.new(file, "ada")
    async with living(tmp_path, policy=guarded()) as house:
        headers = await enrolled(house)
        halt = await halted(house)
        path = f"/api/v1/halts/{halt}/release"
        async with (
            following(house, headers) as orders,
            house.remote(OWNER) as eve,
            house.remote(COMMANDER) as ada,
        ):
            known = heard(house, Known("web-1"), (await anext(orders))[1])
            unpinned = {"because": "over", "statements": [signed(house, halt, file)]}
            refused = await ada.post(path, json=unpinned)
            assert refused.status_code == 409, refused.text
            assert "not pinned" in refused.json()["reasons"][0]["text"]
            files.pin(tmp_path / "release.keys", (made,))
            for wrong in (signed(house, "HALT-9", file), signed(house, halt, file, -1)):
                bad = await ada.post(path, json={"because": "over", "statements": [wrong]})
                assert bad.json()["reasons"][0]["code"] == "bad-statement"
            assert len((await eve.get("/api/v1/refusals")).json()) == 3
            first = await ada.post(path, json=unpinned)
            assert first.json() == {"halt": halt, "waits_for": "one more person"}
            last = await eve.post(path, json={"because": "I saw it"})
            assert last.json() == {"halt": halt, "still_held": []}
            envelope = (await anext(orders))[1]
        unsigned = heard(house, known, envelope)
        assert [one.id for one in unsigned.halts] == [halt]
        pinned = PublicKeys(tmp_path / "signing.key.pub").check
        believed = PinnedKeys(tmp_path / "ada.key.pub").check
        found = accept(known, envelope, pinned, believed, house.coordinator.clock.now().utc)
        assert isinstance(found, Accepted)
        assert found.ended == (halt,)


async def test_a_stream_ends_with_the_coordinator_and_too_many_are_refused(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        async with following(house, headers) as orders:
            await anext(orders)
            async with house.remote(OWNER) as eve:
                (line,) = (await eve.get("/api/v1/hosts")).json()
                assert line["following"] == 1
            house.stop.set()
            assert [one async for one in orders] == []
    full = Followers(count=2, most=2)
    with pytest.raises(Exception, match="2 streams of orders are open already"):
        full.check()


async def test_a_host_whose_token_ends_is_not_told_any_more(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        headers = await enrolled(house)
        await house.coordinator.access.revoke(str(host_principal("web-1")))
        async with house.remote(headers=headers) as host:
            assert (await host.get(f"{ORDERS}/stream")).status_code == 401
