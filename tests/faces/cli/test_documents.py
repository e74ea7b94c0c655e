"""The documents as the program that really runs takes them: with the date it knows, and what it keeps when
they are broken."""

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from allstop.application.command_post import Request
from allstop.bootstrap import check_documents, open_coordinator, read_policy
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.principal import Kind, Principal
from allstop.errors import Invalid
from allstop.protocol.starter import starter
from allstop.settings import prepare_state, read_settings

LATE = "review: {every: 90d, last: 2999-01-01}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in starter("ours", "ada").items():
        (tmp_path / name).write_text(text)
    return tmp_path


def codes(project: Path) -> list[str]:
    return [one.code for one in check_documents(project)[0] if one.is_error]


def test_a_review_that_is_yet_to_come_is_found_by_every_check(project: Path) -> None:
    protocol = project / "protocol.yaml"
    assert codes(project) == []
    protocol.write_text(protocol.read_text() + LATE)
    assert codes(project) == ["AP123"]
    with pytest.raises(Invalid, match="AP123"):
        read_policy(project)


def test_a_coordinator_starts_whatever_its_clock_says_and_takes_no_such_document_later(
    project: Path,
) -> None:
    """Given a clock that may be wrong, then it keeps no coordinator from starting, and a reload is refused."""
    protocol = project / "protocol.yaml"
    protocol.write_text(protocol.read_text() + LATE)
    settings = read_settings(project, {})
    prepare_state(settings)

    async def started_and_reloaded() -> str:
        coordinator = await open_coordinator(settings)
        digest = coordinator.post.book.current
        try:
            with pytest.raises(Invalid, match="AP123"):
                await coordinator.reload()
            assert coordinator.post.book.current == digest
        finally:
            await coordinator.store.close()
        return digest

    assert asyncio.run(started_and_reloaded())


def test_a_coordinator_says_why_it_goes_on_with_the_last_good_policy(project: Path) -> None:
    """Given an incident on record, when the documents break, then a reload and a restart say so until they
    are mended."""
    protocol = project / "protocol.yaml"
    good = protocol.read_text()
    settings = read_settings(project, {})
    prepare_state(settings)

    async def life() -> list[str]:
        told = []
        coordinator = await open_coordinator(settings)
        try:
            who = Request(Principal("ada", Kind.PERSON))
            await coordinator.post.do(DeclareIncident("checkout fails"), who)
            told.append(coordinator.views.protocol().kept_because)
            protocol.write_text(good + "severites: {}\nteh: 1\n")
            with pytest.raises(Invalid):
                await coordinator.reload()
            told.append(coordinator.views.protocol().kept_because)
        finally:
            await coordinator.store.close()
        coordinator = await open_coordinator(settings)
        try:
            told.append(coordinator.views.protocol().kept_because)
            protocol.write_text(good)
            await coordinator.reload()
            told.append(coordinator.views.protocol().kept_because)
        finally:
            await coordinator.store.close()
        return told

    before, reloaded, restarted, mended = asyncio.run(life())
    assert (before, mended) == ("", "")
    assert reloaded == restarted
    assert reloaded.startswith("protocol.yaml:")
    assert "AP003" in reloaded
    assert reloaded.endswith("(and 1 more)")


def test_what_was_read_last_stays_in_force_though_no_incident_was_declared_by_it(
    project: Path,
) -> None:
    """Given an incident, and documents that were edited and read again since, when they break, then a restart
    goes on with the edited ones and not with those of the incident."""
    protocol = project / "protocol.yaml"
    settings = read_settings(project, {})
    prepare_state(settings)

    async def life() -> tuple[str, str, str]:
        coordinator = await open_coordinator(settings)
        try:
            who = Request(Principal("ada", Kind.PERSON))
            await coordinator.post.do(DeclareIncident("checkout fails"), who)
            first = coordinator.post.book.current
            good = protocol.read_text().replace("reopen_within", "# reopen_within")
            protocol.write_text(good + "reopen_within: 7h\n")
            edited = await coordinator.reload()
        finally:
            await coordinator.store.close()
        protocol.write_text(protocol.read_text() + "severites: {}\n")
        coordinator = await open_coordinator(settings)
        try:
            return first, edited, coordinator.post.book.current
        finally:
            await coordinator.store.close()

    first, edited, kept = asyncio.run(life())
    assert kept == edited != first


@pytest.mark.parametrize("spoilt", ["", "{}", "no json", '{"protocol": 1}'])
def test_a_kept_policy_that_is_spoilt_gives_way_to_that_of_the_newest_incident(
    project: Path, spoilt: str
) -> None:
    settings = read_settings(project, {})
    prepare_state(settings)

    async def life() -> tuple[str, str]:
        coordinator = await open_coordinator(settings)
        try:
            who = Request(Principal("ada", Kind.PERSON))
            await coordinator.post.do(DeclareIncident("checkout fails"), who)
            first = coordinator.post.book.current
        finally:
            await coordinator.store.close()
        (project / "protocol.yaml").write_text("severites: {}\n")
        (settings.state / "policy.json").write_text(spoilt)
        coordinator = await open_coordinator(settings)
        try:
            return first, coordinator.post.book.current
        finally:
            await coordinator.store.close()

    first, kept = asyncio.run(life())
    assert first == kept


def test_a_log_that_cannot_be_read_back_leaves_the_database_free(project: Path) -> None:
    """Given a stored policy that no version ever wrote, when a coordinator fails to start on it, then the next one
    fails for the same reason, and not because the first still holds the database."""
    settings = read_settings(project, {})
    prepare_state(settings)

    async def start() -> None:
        coordinator = await open_coordinator(settings)
        await coordinator.store.close()

    asyncio.run(start())
    body = '{"protocol":1}'
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        digest = hashlib.sha256(body.encode()).hexdigest()
        connection.execute("INSERT INTO policies VALUES (?, ?)", (digest, body))

    async def told() -> list[str]:
        found = []
        for _ in range(2):
            with pytest.raises(Exception) as caught:  # noqa: PT011  (whatever it is, it is the same twice)
                await open_coordinator(settings)
            found.append(repr(caught.value))
        return found

    first, second = asyncio.run(told())
    assert first == second
    assert "holds" not in first
