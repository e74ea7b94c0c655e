"""`allstop fleet`: checking, showing, drawing, importing, with and without a coordinator."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from allstop import bootstrap
from allstop.application.fleet_views import blast_radius_view, fleet_view
from allstop.domain.fleet.standing import Standing
from allstop.domain.world import World
from allstop.faces.cli.entry import run
from allstop.faces.cli.fleet_source import NOT_RUNNING
from tests.domain.builders import START
from tests.faces.cli.conftest import Doors, Ran, Run
from tests.faces.cli.coordinator import Recorded

FLEET = """\
schema: allstop/1
services:
  web:
    title: Shop front
    category: revenue
    importance: 90
    depends: {payments: hard, search: soft}
    probes: {web-port: {adapter: tcp, options: {host: 127.0.0.1, port: 8080}}}
  payments:
    category: revenue
    importance: 95
    protected: true
    rto: 5m
    depends: {ledger: hard}
    on_failure: isolate
    actions:
      stop: {adapter: command, verb: ensure, options: {argv: [stop-payments]}}
      start: {adapter: command, verb: ensure, options: {argv: [start-payments]}}
    verify:
      stopped: {adapter: tcp, options: {host: 127.0.0.1, port: 8081, expect: closed}}
      started: {adapter: tcp, options: {host: 127.0.0.1, port: 8081}}
  ledger: {importance: 95, stateful: true, host: alpha, zone: eu}
  search: {category: customer-facing}
functions:
  buying: {title: Buying, core: true, probe: web-port, services: [web, payments]}
"""
DOCUMENTS = {
    "protocol.yaml": "schema: allstop/1\nname: shop\nextends: standard\n",
    "roster.yaml": "schema: allstop/1\npeople:\n  ada: {name: Ada, login: ada, owner: true, roles: [commander, deputy, operations, communications, scribe]}\n",
    "fleet.yaml": FLEET,
}  # fmt: skip


@pytest.fixture
def shop(home: Path, doors: Doors, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in a project whose documents are real, with the doors that read them."""
    for name, text in DOCUMENTS.items():
        (home / name).write_text(text)
    launch = dataclasses.replace(
        doors.launch(home), read_policy=bootstrap.read_policy, check_documents=bootstrap.check_documents
    )  # fmt: skip

    def typed(*words: str) -> Ran:
        code = run(launch, {}, words)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return typed


# --- check -----------------------------------------------------------------------------------------------


def test_checking_the_projects_own(shop: Run, home: Path) -> None:
    ran = shop("fleet", "check")
    assert ran.code == 0
    assert (
        "fleet.yaml:15:5: AP164 warning: payments is to be isolated when its stop fails" in ran.out
    )
    assert ran.out.splitlines()[-1].startswith("fleet.yaml: ")
    (home / "fleet.yaml").write_text(FLEET.replace("ledger: hard", "leger: hard"))
    ran = shop("fleet", "check", str(home / "fleet.yaml"))
    assert ran.code == 2
    assert "AP046 there is no service leger (did you mean ledger?)" in ran.out
    assert ran.out.endswith("a coordinator does not start with it.\n")
    found = json.loads(shop("fleet", "check", "--json").out)
    assert found["ok"] is False
    assert {"code", "file", "line", "column", "text", "hint"} <= set(found["problems"][0])


def test_problems_of_other_documents_are_not_the_fleets(shop: Run, home: Path) -> None:
    (home / "protocol.yaml").write_text("nonsense: [")
    (home / "fleet.yaml").write_text("schema: allstop/1\n")
    assert shop("fleet", "check").out == "fleet.yaml: nothing wrong.\n"


def test_checking_a_draft_by_itself(shop: Run, home: Path) -> None:
    draft = home / "drafts" / "fleet.yaml"
    draft.parent.mkdir()
    draft.write_text("schema: allstop/1\nservices:\n  web: {stage: nowhere}\n")
    ran = shop("fleet", "check", str(draft))
    assert ran.code == 2
    assert f"{draft}:3:9: AP161 there is no stage nowhere" in ran.out


# --- show ------------------------------------------------------------------------------------------------


def test_showing_all_services_from_the_documents(shop: Run) -> None:
    ran = shop("fleet", "show", "--documents")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out.index("Revenue (2)")
        < ran.out.index("Customer-facing (1)")
        < ran.out.index("Internal (1)")
    )
    assert (
        "  payments  importance 95, protected\n    RTO 5m; when a stop fails: isolate, but nothing can"
        in ran.out
    )
    assert "    actions: stop, start\n    lacks for a safe stop: no quiesce, no drain\n" in ran.out
    assert "    host alpha, zone eu; when a stop fails: isolate (by default)" in ran.out
    assert "    lacks for a safe stop: nothing can stop it or cut it off\n" in ran.out


def test_without_a_coordinator_it_says_what_it_does_not_know(shop: Run) -> None:
    ran = shop("fleet", "show")
    assert ran.code == 0
    assert ran.err == f"{NOT_RUNNING}\n"
    assert json.loads(shop("fleet", "show", "--json").out)["watched"] is False
    assert shop("fleet", "show", "-q").out.split() == ["payments", "web", "search", "ledger"]


def test_showing_one_service(shop: Run) -> None:
    ran = shop("fleet", "show", "payments", "--documents")
    assert ran.out.startswith("payments  a service, revenue, importance 95, protected\n")
    for row in (
        "needs       ledger (hard)", "needed by   web (hard)", "functions   Buying",
        "stops in    about 10s; with the 1 who are broken without it, about 10s",
        "Without payments: 1 more of 4 services broken, 0 degraded, 1 function lost (1 core).",
    ):  # fmt: skip
        assert row in ran.out
    found = json.loads(shop("fleet", "show", "payments", "--documents", "--json").out)
    assert found["service"]["rto"] == "5m"
    assert found["blast_radius"]["broken"][0]["way"] == ["web", "payments"]
    ran = shop("fleet", "show", "paymens", "--documents")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == "error: there is no service paymens\nhint:  did you mean payments?\n"


def test_a_running_coordinator_says_more(shop: Run, book: Recorded, home: Path) -> None:
    """Given a plan that has stopped a service, when the fleet is shown, then it says so."""
    fleet = bootstrap.read_policy(home).fleet
    world = World(standings={"web": Standing(stopped=True, plan="PLAN-7", since=START)})
    probes = {one.name: () for one in fleet.services}
    book.answer("GET /fleet", fleet_view(fleet, (), world, probes))
    book.answer("GET /fleet/blast-radius", blast_radius_view(fleet, ["ledger"]))
    ran = shop("fleet", "show")
    assert ran.err == ""
    assert "web  Shop front  importance 90, unknown, stopped by PLAN-7" in ran.out
    ran = shop("fleet", "blast-radius", "ledger")
    assert book.last.path == "/fleet/blast-radius?service=ledger"
    assert "web       revenue   web -> payments -> ledger" in ran.out
    ran = shop("fleet", "graph")
    assert "web (stopped)" in ran.out


# --- blast radius ----------------------------------------------------------------------------------------


def test_what_is_lost_and_why(shop: Run) -> None:
    ran = shop("fleet", "blast-radius", "ledger", "--documents")
    assert ran.code == 0
    assert ran.out.startswith(
        "Without ledger: 2 more of 4 services broken, 0 degraded, 1 function lost (1 core).\n"
    )
    assert "  web       revenue   web -> payments -> ledger\n" in ran.out
    assert "  Buying  core  through web, payments\n" in ran.out
    assert "Services that earn, among them: payments, web.\n" in ran.out
    assert shop("fleet", "blast-radius", "ledger", "--documents", "-q").out.split() == [
        "payments",
        "web",
    ]
    assert (
        "Degraded (1)\n  service  category  because\n  web      revenue   web -> search\n"
        in shop("fleet", "blast-radius", "search", "--documents").out
    )


def test_unknown_names_are_refused_together(shop: Run) -> None:
    ran = shop("fleet", "blast-radius", "legder", "ledger", "nobody", "--documents")
    assert ran.code == 4
    assert ran.err.startswith(
        "error: there is no service legder, nobody\nhint:  did you mean ledger?"
    )


# --- graph -----------------------------------------------------------------------------------------------


def test_drawing_for_the_terminal(shop: Run) -> None:
    out = shop("fleet", "graph", "--documents").out
    assert "\x1b" not in out
    assert all(len(line) <= 80 for line in out.splitlines())
    rows = [line.split()[0] for line in out.splitlines() if "◀" in line or "●" in line]
    assert out.index(" 1  web") < out.index(" 2  payments!") < out.index(" 3  ledger=")
    assert rows


@pytest.mark.parametrize(
    ("form", "begins"),
    [("mermaid", "flowchart TD\n"), ("dot", "digraph fleet {\n"), ("svg", "<svg ")],
)
def test_drawing_for_others_and_into_a_file(shop: Run, home: Path, form: str, begins: str) -> None:
    out = shop("fleet", "graph", "--documents", "--format", form).out
    assert out.startswith(begins)
    target = home / "pictures" / f"fleet.{form}"
    ran = shop("fleet", "graph", "--documents", "--format", form, "--to", str(target))
    assert ran.out == f"{target}: written.\n"
    assert target.read_text() == out
    assert shop("fleet", "graph", "--documents", "--format", form, "--to", str(target)).code == 3
    assert (
        shop("fleet", "graph", "--documents", "--format", form, "--to", str(target), "--force").code
        == 0
    )
    if form == "svg":
        ET.fromstring(out)


def test_drawing_around_a_service(shop: Run) -> None:
    out = shop("fleet", "graph", "--documents", "--around", "search", "--format", "dot").out
    assert '"web" -> "search"' in out
    assert "ledger" not in out
    assert shop("fleet", "graph", "--documents", "--around", "serch").err.endswith(
        "did you mean search?\n"
    )
    assert [
        box["name"]
        for box in json.loads(
            shop("fleet", "graph", "--documents", "--around", "search", "--json").out
        )["boxes"]
    ] == ["web", "search"]


def test_more_than_a_drawing_can_show_is_refused(shop: Run, home: Path) -> None:
    rows = "".join(f"  s{n}: {{}}\n" for n in range(1_600))
    (home / "fleet.yaml").write_text(f"schema: allstop/1\nservices:\n{rows}")
    ran = shop("fleet", "graph", "--documents")
    assert ran.code == 3
    assert "1600 services are more than a drawing can show" in ran.err
    assert shop("fleet", "graph", "--documents", "--format", "dot").code == 0


# --- import ----------------------------------------------------------------------------------------------


def test_importing_writes_a_draft_that_can_be_looked_at(shop: Run, home: Path) -> None:
    compose = home / "compose.yaml"
    compose.write_text(
        "services:\n  web:\n    image: nginx\n    depends_on: [db]\n  db:\n    image: postgres\n"
    )
    draft = home / "draft.yaml"
    ran = shop("fleet", "import", str(compose), "--to", str(draft))
    assert ran.code == 0
    assert f"{compose}  compose" in ran.out
    assert f"{compose}:3  web.image  fleet.yaml does not say how a service is set up" in ran.out
    assert "AP162 warning: db has data and can be stopped without fence" in ran.out
    assert ran.out.endswith(f"next: allstop fleet graph --file {draft}\n")
    assert shop("fleet", "check", str(draft)).code == 0
    assert "web" in shop("fleet", "graph", "--file", str(draft)).out
    assert shop("fleet", "blast-radius", "db", "--file", str(draft), "-q").out == "web\n"
    assert shop("fleet", "import", str(compose), "--to", str(draft)).code == 3, (
        "nothing is overwritten"
    )
    found = json.loads(
        shop("fleet", "import", str(compose), "--to", str(draft), "--force", "--json").out
    )
    assert found["kinds"] == {str(compose): "compose"}
    assert {"path", "value", "file", "line"} <= set(found["placed"][0])
    assert {"file", "first", "last", "label", "why"} <= set(found["unplaced"][0])
    assert shop("fleet", "import", str(compose), "--to", "-").out == draft.read_text()


def test_a_folder_is_read_with_all_below_it(shop: Run, home: Path) -> None:
    units = home / "units"
    (units / "web.service.d").mkdir(parents=True)
    (units / "web.service").write_text("[Unit]\nRequires=db.service\n[Service]\nExecStart=/web\n")
    (units / "web.service.d" / "more.conf").write_text("[Service]\nTimeoutStopSec=7\n")
    (units / "db.service").write_text("[Service]\nExecStart=/db\n")
    (units / "notes.txt").write_text("not read")
    (units / "gone.service").symlink_to(units / "nowhere")
    out = shop("fleet", "import", str(units), str(units / "web.service"), "--to", "-").out
    assert "db: hard" in out
    assert "stop: 7s" in out
    assert out.count("  web:") == 1
    assert "notes" not in out


def test_what_cannot_be_read_is_explained(shop: Run, home: Path) -> None:
    bad = home / "bad.yaml"
    bad.write_bytes(b"services: \xff")
    ran = shop("fleet", "import", str(bad))
    assert ran.code == 2
    assert "it is not UTF-8" in ran.err
    ran = shop("fleet", "import", str(home / "nothing.yaml"))
    assert ran.code == 2
    nothing = home / "nothing.yaml"
    nothing.write_text("just: words\n")
    ran = shop("fleet", "import", str(nothing), "--to", str(home / "d.yaml"))
    assert ran.code == 0
    assert "nothing of it was understood" in ran.out
    assert "neither a compose file nor a manifest" in ran.out


def test_a_fleet_of_none_is_drawn_in_words(shop: Run, home: Path) -> None:
    """Given a project whose fleet is still empty, then the picture says so, and to JSON it is an empty one."""
    (home / "fleet.yaml").write_text("schema: allstop/1\n")
    ran = shop("fleet", "graph")
    assert ran.code == 0, ran.err
    assert ran.out == "There are no services in fleet.yaml.\n"
    assert json.loads(shop("fleet", "graph", "--json").out) == {"boxes": [], "arrows": []}
