"""While the documents on disk are broken, it is said that the last good policy is what counts."""

from dataclasses import replace

import pytest

from allstop.protocol.problems import Place, problem
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded
from tests.faces.cli.coordinator import problem as answered

FIRST = "protocol.yaml:3:1: AP003 there is no key severites"
KEPT = replace(recorded.PROTOCOL, kept_because=f"{FIRST} (and 1 more)")


@pytest.fixture(autouse=True)
def looked_at(book: Recorded) -> None:
    """What `doctor` reads beside."""
    book.answer("GET /adapters", ())
    book.answer("GET /effects", ())


def errors() -> tuple[object, ...]:
    place = Place("protocol.yaml", 3, 1)
    return (
        problem("AP003", place, "there is no key severites"),
        problem("AP077", place, "nobody can be reached"),
        problem("AP003", place, "there is no key teh"),
    )


@pytest.mark.parametrize("words", [(), ("status",)])
def test_status_says_why_the_last_good_policy_is_in_force(
    allstop: Run, book: Recorded, words: tuple[str, ...]
) -> None:
    """Given a coordinator that could not take the documents, then the first problem and the way out are told."""
    assert "policy" not in allstop(*words).out
    book.answer("GET /protocol", KEPT)
    assert (
        "policy    the last good one is in force, because the documents on disk are broken: "
        f"{FIRST} (and 1 more). Mend them, then: allstop protocol check && allstop reload\n"
    ) in allstop(*words).out


def test_status_is_told_all_the_same_to_whoever_may_not_read_the_policy(
    allstop: Run, book: Recorded
) -> None:
    book.answers["GET /protocol"] = answered(403, "refused", "not for you")
    ran = allstop("status")
    assert (ran.code, ran.err) == (0, "")
    assert "INC-1" in ran.out


def test_doctor_says_it_before_anybody_has_reloaded(
    allstop: Run, book: Recorded, doors: Doors
) -> None:
    """Given documents that were just broken, of which the coordinator does not know yet."""
    doors.problems, doors.starts = errors(), False
    ran = allstop("doctor")
    assert ran.code == 1
    assert f"fail  documents    {FIRST} (and 1 more) -> allstop protocol check\n" in ran.out
    assert (
        "warn  policy       standard (c0ffeec0ffee): the last good one is in force, because the documents on disk "
        f"are broken: {FIRST} (and 1 more) -> Mend them, then: allstop protocol check && allstop reload\n"
    ) in ran.out


def test_doctor_says_that_mended_documents_wait_to_be_taken(
    allstop: Run, book: Recorded, doors: Doors
) -> None:
    book.answer("GET /protocol", KEPT)
    ran = allstop("doctor")
    assert ran.code == 0
    assert "were broken, and are good again -> allstop reload\n" in ran.out


def test_a_policy_that_is_what_the_documents_say_is_well(allstop: Run, book: Recorded) -> None:
    assert "ok    policy       standard (c0ffeec0ffee) is in force\n" in allstop("doctor").out
