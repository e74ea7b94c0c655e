"""The date as the program that really runs knows it: whoever checks is told, and nobody is kept from starting."""

import asyncio
from pathlib import Path

import pytest

from allstop.bootstrap import check_documents, open_coordinator, read_policy
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
