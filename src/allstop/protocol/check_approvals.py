"""Checks of approvals and stop rules: can those who must agree, and do the rules say anything?"""

from __future__ import annotations

from allstop.protocol.check_tests import check_tests
from allstop.protocol.compile_conditions import STOP_FACTS
from allstop.protocol.document_conditions import When
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_remedy import ApprovalRowDocument
from allstop.protocol.entries import Names, check_entry, meant_by_any, whom_nobody_is
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path
from allstop.protocol.tables import truth

_MACHINES = ("agent", "source", "self")


def check_approvals(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    """Every row of the approval table against the people there are; every stop rule."""
    for place, row in enumerate(names.model.approvals.table):
        path = ("approvals", "table", place)
        fine = [
            check_entry(entry, "signers", names, document.at(*path, "by", at), found)
            for at, entry in enumerate(row.by)
        ]
        fine += [
            found.known(
                "AP041", role, names.model.roles, document.at(*path, "reviewers", at), "role"
            )
            for at, role in enumerate(row.reviewers)
        ]
        if row.people == 0 and _equals(row.when, "protected", value=True):
            text = (
                "what is protected always waits for a person: one must agree, whatever stands here"
            )
            found.add("AP145", document.at(*path, "people"), text, "write people: 1")
        if all(fine) and names.manned is not None:
            _signers(document, path, row, names, found)
    for id, rule in names.model.stop_rules.items():
        tests = check_tests(document, ("stop_rules", id, "when"), rule.when, STOP_FACTS, found)
        if tests and truth(tests, STOP_FACTS) == "always":
            text = f"{id} holds whenever its facts are known, so no plan could ever run"
            place_ = document.at("stop_rules", id, "when")
            found.add("AP135", place_, text, "test for what is out of the ordinary")


def _equals(when: When, fact: str, *, value: object) -> bool:
    test = when.get(fact)
    return test is not None and ("is", value) in test.written()


def _signers(
    document: Document[ProtocolDocument], path: Path, row: ApprovalRowDocument, names: Names,
    found: Findings,
) -> None:  # fmt: skip
    """Whether enough people can sign, and somebody beside whoever asked for it."""
    roster = names.manned
    assert roster is not None
    reviewing = set(meant_by_any(names.model.authority.get("review", []), names))
    for at, role in enumerate(row.reviewers):
        holders = roster.holders(role)
        if not holders:
            text = f"nobody on the roster can hold {role}, so nobody can review"
            hint = f"add {role} to somebody's roles in roster.yaml"
            found.add("AP073", document.at(*path, "reviewers", at), text, hint)
        elif not reviewing & set(holders):
            text = f"whoever holds {role} may not review: it is granted to others"
            hint = f"add role:{role} to authority.review"
            found.add("AP073", document.at(*path, "reviewers", at), text, hint)
    if row.people == 0:
        return
    entries = row.by or names.model.authority.get("approve", [])
    signers = meant_by_any(entries, names)
    key = "by" if row.by else "people"
    if not signers:
        said, _ = whom_nobody_is(entries or ["granted approve"], names)
        text = f"{said}, so nobody can approve"
        found.add("AP073", document.at(*path, key), text, "add the role to somebody in roster.yaml")
    elif len(signers) < row.people:
        few = ", ".join(signers)
        text = f"{row.people} different people must agree, and only {few} may"
        enough = len(roster.people) >= row.people
        hint = "name more roles or people in `by`" if enough else "there are not so many people yet"
        found.add("AP142" if enough else "AP143", document.at(*path, "people"), text, hint)
    elif _only_requester(signers, row, names):
        text = f"only {signers[0]} may ask for a change and only {signers[0]} may agree to it"
        hint = "nobody approves their own change: let somebody else ask, or agree"
        found.add("AP141", document.at(*path, key), text, hint)


def _only_requester(signers: list[str], row: ApprovalRowDocument, names: Names) -> bool:
    """Whether a change this row speaks about could only be asked for by who alone could sign it."""
    purpose = row.when.get("purpose")
    if purpose is not None and not _may_be_change(purpose.written()):
        return False
    asking = names.model.authority.get("change", [])
    if any(entry.partition(":")[0] in _MACHINES for entry in asking):
        return False
    return len(signers) == 1 and meant_by_any(asking, names) == signers


def _may_be_change(written: list[tuple[str, object]]) -> bool:
    return all((value == "change") == (op == "is") for op, value in written)
