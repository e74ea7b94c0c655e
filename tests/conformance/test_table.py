"""The table that `allstop protocol conformance` prints is what the suite says, and the suite is whole."""

import ast
from pathlib import Path

from allstop.protocol.conformance import FAILING, MET, UNTESTED, clauses, last_run, table

HERE = Path(__file__).parent


def borne() -> dict[str, set[str]]:
    """The tests that bear each clause, read from the source."""
    found: dict[str, set[str]] = {}
    for file in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "clause":
                    for id in mark.args:
                        assert isinstance(id, ast.Constant)
                        found.setdefault(str(id.value), set()).add(f"{file.name}::{node.name}")
    return found


def test_every_clause_that_waits_for_nothing_has_a_test() -> None:
    untested = [one.id for one in clauses() if not one.waits and one.id not in borne()]
    assert untested == []


def test_no_test_bears_a_clause_that_is_not_in_the_table() -> None:
    assert set(borne()) <= {one.id for one in clauses()}


def test_the_recorded_run_is_of_this_suite() -> None:
    run = last_run()
    assert run is not None, "make conformance"
    recorded = {id: {name.partition("[")[0] for name in tests} for id, tests in run.tests.items()}
    assert recorded == borne(), "make conformance"


def test_nothing_fails_and_whatever_waits_counts_as_not_met() -> None:
    found = table(last_run())
    assert [one.clause.id for one in found if one.state in (FAILING, UNTESTED)] == []
    assert all(not one.clause.waits for one in found if one.state == MET)
