"""The documents as the program that really runs takes them: with the date it knows, and what it keeps when
they are broken."""

import asyncio
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
