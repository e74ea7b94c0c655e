"""A private incident does not exist for whoever takes no part in it: nowhere in anything that is sent."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from allstop.application.command_post import Attached, Request
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as course
from allstop.domain.incident.events import EvidenceCollected
from allstop.domain.incident.work_events import PointsAwarded
from allstop.domain.principal import MONITOR, RUNNER, Principal
from allstop.faces.http.operations import OPERATIONS
from tests.application.happening import Happened, happenings
from tests.application.whole import ZOE, whole
from tests.domain.builders import ADA
from tests.faces.http.bodies import MEANT, path_of
from tests.faces.http.house import (
    AGENT,
    COMMANDER,
    OWNER,
    SOURCE,
    House,
    house_policy,
    living,
    memory,
)

# The word stands in everything that is written about the private incident, and nowhere else.
WORD = "Zanzibar"
TITLE = f"{WORD} payroll leak"
OPEN, PRIVATE = "INC-1", "INC-2"
# Another one, whose title is too common a word to be taken out wherever it stands.
SHORT, SHORT_TITLE = "INC-3", "Mutiny"
BODY = f"a log with {WORD} in it".encode()
DIGEST = hashlib.sha256(BODY).hexdigest()
STRANGERS = [str(ZOE), AGENT, SOURCE]
# `down` and the like change something; `events` never ends and is read on its own.
READ = [one for one in OPERATIONS if one.method == "GET" and one.id != "events"]


@dataclass
class Secretive:
    """A house with an incident everybody may read, and one that is private."""

    house: House

    async def do(self, command: Any, who: Principal = ADA) -> dict[str, Any]:
        return await self.house.coordinator.post.do(command, Request(who, "story"))

    @property
    def last(self) -> int:
        return self.house.coordinator.store.last_position()


async def _told(secretive: Secretive) -> None:
    """The private incident is given everything that an incident can have."""
    post = secretive.house.coordinator.post
    mine = {
        "update": {"status": "fixing", "text": f"{WORD} is being looked at", "fields": {}},
        "note": {"text": f"{WORD} again"}, "fill": {"fields": {"situation": WORD}},
        "statement": {"subject": "root-cause", "text": WORD}, "task-add": {"title": WORD},
        "finding": {"kind": "hypothesis", "text": WORD}, "crew": {"members": ["person:ben"], "objective": WORD},
        "change": {"title": WORD, "risk": 1}, "obligation": {"how": WORD},
        "action": {"title": WORD, "owner": "ada", "due_at": "2030-01-01T00:00:00Z"},
        "correct": {"version": 1, "text": WORD, "because": WORD},
        "link": {"to": OPEN, "how": "related"},
    }  # fmt: skip
    places = {"id": PRIVATE, "obligation": "customers"}
    async with secretive.house.remote(COMMANDER) as ada:
        for id, body in mine.items():
            operation = next(one for one in OPERATIONS if one.id == id)
            answer = await ada.post(path_of(operation, **places), json=body)
            assert answer.is_success, (id, answer.text)
        url = f"/api/v1/incidents/{PRIVATE}/tasks/{WORD}/end"
        assert (await ada.post(url, json={"state": "done"})).status_code == 409
    kept = Happened(
        f"incident/{PRIVATE}",
        (
            EvidenceCollected("payments/recent-changes", f"{WORD} in it", DIGEST),
            PointsAwarded("builders", 7, WORD),
        ),
    )
    with happenings():
        await post.do(kept, Request(RUNNER), Attached(None, {DIGEST: BODY}))
    async with asyncio.timeout(10):
        while not post.world.plans_of(PRIVATE):  # noqa: ASYNC110 - the timekeeper makes one by itself
            await asyncio.sleep(0.02)
    # Somebody who takes part writes of them where everybody reads.
    await secretive.do(course.LinkIncidents(OPEN, SHORT, "caused-by"))
    await secretive.do(c.AddNote(OPEN, f"see {PRIVATE}, {TITLE}, and {SHORT} ({SHORT_TITLE})"))


async def _rested(secretive: Secretive) -> None:
    """Until nothing more happens by itself."""
    last = -1
    while last != secretive.last:
        last = secretive.last
        await asyncio.sleep(0.3)


@pytest.fixture
async def secretive(tmp_path: Path) -> AsyncIterator[Secretive]:
    async with living(tmp_path, store=memory(), policy=whole(house_policy())) as house:
        found = Secretive(house)
        await found.do(c.DeclareIncident("the search is slow"), MONITOR)
        down = Impact(core_functions_down=("buying",))
        command = c.DeclareIncident(
            TITLE, ("payments",), impact=down, evidence=f"{WORD} in the mail", private=True
        )
        assert (await found.do(command))["incident"] == PRIVATE
        assert (await found.do(c.DeclareIncident(SHORT_TITLE, private=True)))["incident"] == SHORT
        await _told(found)
        await _rested(found)
        yield found


def mentions(text: str) -> bool:
    return WORD.lower() in text.lower() or any(
        name in text for name in (PRIVATE, SHORT, SHORT_TITLE)
    )


def addresses(operation: Any) -> list[str]:
    """Every address of a read that could bring the private incident to light."""
    if "{sha256}" in operation.path:
        return [path_of(operation, sha256=DIGEST)]
    if "/incidents/{id}" in operation.path:
        found = [path_of(operation, id=one) for one in (OPEN, "current", PRIVATE)]
        forms = (
            ["?format=html", "?format=json&kind=post-mortem"] if operation.id == "report" else []
        )
        return [*found, *(f"{found[0]}{query}" for query in forms)]
    if "/plans/{id}" in operation.path:
        return [path_of(operation, id=f"PLAN-{number}") for number in (1, 2, 3)]
    return [path_of(operation)]


async def answers(client: httpx.AsyncClient, operation: Any) -> list[httpx.Response]:
    return [await client.get(address) for address in addresses(operation)]


@pytest.mark.parametrize("who", STRANGERS)
async def test_nothing_that_is_read_says_a_word_of_it(secretive: Secretive, who: str) -> None:
    """Given a private incident with everything in it, when a stranger reads everything there is, then
    neither its number nor a word of it comes up."""
    async with secretive.house.remote(who) as stranger:
        for operation in READ:
            for answer in await answers(stranger, operation):
                assert answer.status_code < 500, (operation.id, answer.text)
                # What is not there is named by whoever asks for it; that is compared below.
                said = WORD in answer.text if answer.status_code == 404 else mentions(answer.text)
                assert not said, (operation.id, answer.url, answer.text)


async def test_whoever_takes_part_reads_it(secretive: Secretive) -> None:
    """The same reads do bring it up for people who belong to it: the test above looks at something."""
    shown = set()
    async with secretive.house.remote(OWNER) as eve:
        for operation in READ:
            if any(mentions(answer.text) for answer in await answers(eve, operation)):
                shown.add(operation.id)
        assert (await eve.get(f"/api/v1/evidence/{DIGEST}")).content == BODY
    assert shown >= {
        "overview", "incidents", "show", "timeline", "report", "read-in", "forms", "owed", "crews", "modes",
        "points", "plan-show", "halts", "rollcall", "evidence", "refusals", "effects",
    }  # fmt: skip


@pytest.mark.parametrize("who", STRANGERS)
async def test_what_is_addressed_by_name_is_not_there(secretive: Secretive, who: str) -> None:
    """Given the number of a private incident, when a stranger asks for it, then the answer is the one for
    a number that was never given."""
    async with secretive.house.remote(who) as stranger:
        for operation in [one for one in READ if "/incidents/{id}" in one.path]:
            hidden = await stranger.get(path_of(operation, id=PRIVATE))
            unknown = await stranger.get(path_of(operation, id="INC-77"))
            assert _comparable(hidden, PRIVATE) == _comparable(unknown, "INC-77"), operation.id
            assert hidden.status_code == 404
        plan = next(iter(secretive.house.coordinator.post.world.plans_of(PRIVATE))).id
        assert (await stranger.get(f"/api/v1/plans/{plan}")).status_code == 404
        assert (await stranger.get(f"/api/v1/evidence/{DIGEST}")).status_code == 404


def _comparable(answer: httpx.Response, id: str) -> dict[str, Any]:
    body = json.loads(answer.text.replace(id, "ID"))
    body.pop("request_id")
    return {**body, "instance": body["instance"].replace(id, "ID"), "detail": body["detail"]}


async def test_nobody_acts_on_what_they_may_not_see(secretive: Secretive) -> None:
    """Given any command, when a stranger sends it to the private incident, then it is refused as one about
    an incident that nobody knows, and nothing has happened."""
    about = [one for one in OPERATIONS if one.keyed and "/incidents/{id}" in one.path]
    before = secretive.last
    async with secretive.house.remote(str(ZOE)) as zoe:
        for operation in about:
            body = MEANT[operation.id][0]
            hidden = await zoe.post(path_of(operation, id=PRIVATE), json=body or None)
            unknown = await zoe.post(path_of(operation, id="INC-77"), json=body or None)
            assert hidden.status_code == 404, operation.id
            assert hidden.json()["reasons"][0]["code"] == "unknown-incident"
            assert _comparable(hidden, PRIVATE) == _comparable(unknown, "INC-77")
    assert len(about) > 30
    assert secretive.last == before
    kept = secretive.house.coordinator.store.refusals()
    assert not [one for one in kept if one.actor == str(ZOE)]


@pytest.mark.parametrize(("path", "body"), [
    ("/api/v1/halts", {"scope": "all", "reason": "x", "incident": PRIVATE}),
    (f"/api/v1/incidents/{OPEN}/links", {"to": PRIVATE}),
    (f"/api/v1/incidents/{OPEN}/merge", {"into": PRIVATE, "because": "x"}),
    ("/api/v1/points", {"team": "builders", "points": 1, "because": "x", "incident": PRIVATE}),
])  # fmt: skip
async def test_nor_names_it_in_a_body(
    secretive: Secretive, path: str, body: dict[str, Any]
) -> None:
    async with secretive.house.remote(str(ZOE)) as zoe:
        answer = await zoe.post(path, json=body)
    assert answer.status_code in (404, 409)
    assert answer.json()["reasons"][0]["code"] == "unknown-incident"
    assert WORD not in answer.text


async def test_agents_see_that_they_are_held_and_not_why(secretive: Secretive) -> None:
    """Given the all-stop of a private incident, then its agents find themselves held, and no reason."""
    async with secretive.house.remote(AGENT) as agent:
        held = {one["id"]: one["held_by"] for one in (await agent.get("/api/v1/agents")).json()}
        (halt,) = (await agent.get("/api/v1/halts")).json()
        said = await agent.post(
            "/api/v1/agents/builder-1/roll-call", json={"halt": halt["id"], "state": "stopped"}
        )
    assert held["builder-1"] == [halt["id"]]
    assert (halt["reason"], halt["incident"], halt["private"]) == ("private", "", True)
    assert halt["total"] == 2
    assert said.status_code == 200


@pytest.mark.parametrize("who", STRANGERS)
async def test_the_stream_keeps_its_places_and_says_nothing(secretive: Secretive, who: str) -> None:
    """Given a stranger who follows the log from its beginning, then every position comes, and those of the
    private incident are withheld."""
    events = await _followed(secretive.house, who, "?after=0", secretive.last)
    assert [one["position"] for one in events] == list(range(1, secretive.last + 1))
    assert not mentions(json.dumps(events))
    assert [one for one in events if one["kind"] == "private"]
    whole = await _followed(secretive.house, OWNER, "?after=0", secretive.last)
    assert not [one for one in whole if one["kind"] == "private"]
    assert mentions(json.dumps(whole))


async def test_an_incident_that_becomes_private_leaves_the_stream(secretive: Secretive) -> None:
    """Given a stranger who follows a public incident, when it is made private, then nothing more comes."""
    url = f"/api/v1/events?incident={OPEN}"
    async with (
        secretive.house.remote(str(ZOE)) as zoe,
        zoe.stream("GET", url) as answer,
        contextlib.aclosing(answer.aiter_lines()) as lines,  # type: ignore[type-var]
    ):
        await secretive.do(c.AddNote(OPEN, "still public"))
        async with asyncio.timeout(10):
            async for line in lines:
                if "still public" in line:
                    break
        body = {"private": True, "because": "names of people came up"}
        async with secretive.house.remote(COMMANDER) as ada:
            changed = await ada.post(f"/api/v1/incidents/{OPEN}/privacy", json=body)
            assert changed.status_code == 200, changed.text
        await secretive.do(c.AddNote(OPEN, "no longer"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                async for line in lines:
                    assert "data:" not in line
    async with secretive.house.remote(str(ZOE)) as zoe:
        assert (await zoe.get(url)).status_code == 404


async def test_the_one_that_is_open_is_the_one_that_is_seen(secretive: Secretive) -> None:
    """Given two open incidents of which one is hidden, then `current` means the other for a stranger."""
    async with secretive.house.remote(str(ZOE)) as zoe:
        assert (await zoe.get("/api/v1/incidents/current")).json()["line"]["id"] == OPEN
    async with secretive.house.remote(OWNER) as eve:
        assert (await eve.get("/api/v1/incidents/current")).status_code == 404


async def test_a_proposal_is_as_private_as_what_it_became(secretive: Secretive) -> None:
    """Given a proposal, when it becomes an incident that is made private, then it is gone for strangers,
    and not for whoever sent it."""
    text = f"battle stations, {WORD} is on fire"
    async with (
        secretive.house.remote("person:ben") as ben,
        secretive.house.remote(str(ZOE)) as zoe,
        secretive.house.remote(OWNER) as eve,
    ):
        id = (await ben.post("/api/v1/proposals", json={"text": text})).json()["proposal"]
        assert [one["id"] for one in (await zoe.get("/api/v1/proposals")).json()] == [id]
        became = (await eve.post(f"/api/v1/proposals/{id}/confirm", json={})).json()["incident"]
        hide = {"private": True, "because": "it names people"}
        hidden = await eve.post(f"/api/v1/incidents/{became}/privacy", json=hide)
        assert hidden.status_code == 200, hidden.text
        assert (await zoe.get("/api/v1/proposals")).json() == []
        again = await zoe.post(f"/api/v1/proposals/{id}/dismiss", json={"because": "x"})
        assert (again.status_code, again.json()["reasons"][0]["code"]) == (404, "unknown-proposal")
        assert [one["id"] for one in (await ben.get("/api/v1/proposals")).json()] == [id]


async def _followed(house: House, who: str, query: str, last: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with (
        house.remote(who) as client,
        client.stream("GET", f"/api/v1/events{query}") as answer,
    ):
        async with asyncio.timeout(20):
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
                    if found[-1]["position"] >= last:
                        break
    return found
