"""What the pages say, looked up by selector."""

from enum import StrEnum

import pytest

from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.incident import commands as c
from allstop.domain.incident.course_commands import TriageIncident
from allstop.domain.incident.course_events import EntryCorrected
from allstop.domain.plan.lifecycle import NodeState, PlanState, StepState
from allstop.faces.web.signs import SIGNS
from tests.application.happening import Happened, happenings
from tests.faces.web.conftest import Opener, text, words
from tests.faces.web.scenes import (
    SCENES,
    calm,
    elaborate,
    empty,
    failing_unnoticed,
    middle,
    running_gate,
    stood_down,
    worked,
)
from tests.faces.web.stage import raised

# --- the sentence at the top ---------------------------------------------------------------------


async def test_calm_claims_only_what_is_known(opened: Opener) -> None:
    page = await opened(await calm()).get("/")
    assert text(page, ".headline h1") == "Nothing is wrong that Allstop knows of"
    assert text(page, ".headline .detail") == "7 of 7 services watched, all up."
    assert not page.select("[data-incident]")


async def test_an_empty_project_shows_what_to_do_next(opened: Opener) -> None:
    page = await opened(await empty()).get("/")
    assert text(page, ".headline .detail") == "It watches no services yet."
    commands = [words(one) for one in page.select(".command .typed")]
    assert commands == [
        'allstop declare "what fails" --service NAME', "allstop reload", "allstop reload", "allstop demo",
    ]  # fmt: skip


async def test_a_failing_service_is_never_called_nothing(opened: Opener) -> None:
    page = await opened(await failing_unnoticed()).get("/")
    assert text(page, ".headline h1") == "No incident is open"
    assert text(page, ".headline .detail") == "1 service down: Catalog"
    assert "nothing is wrong" not in page.get_text().lower()


async def test_services_nobody_sampled_are_not_up(opened: Opener) -> None:
    stage = await calm()
    stage.coordinator.monitor.watches.clear()
    page = await opened(stage).get("/")
    assert text(page, ".headline h1") == "No incident is open"
    assert {one["data-state"] for one in page.select("[data-service]")} == {"unknown"}


async def test_the_middle_of_an_emergency(opened: Opener) -> None:
    page = await opened(await middle()).get("/")
    assert text(page, ".headline h1") == "1 incident open, SEV1, 1m 14s"
    says = text(page, ".headline [data-halt]")
    assert "All-stop: 2 of 4 confirmed or enforced" in says
    assert "Refactor bot ESCAPED" in says
    assert "Docs bot UNACCOUNTED FOR" in says
    assert "All stopped" not in page.get_text()
    card = page.select_one("article[data-incident=INC-1]")
    assert card is not None
    assert "Waits for Every agent is accounted for: 2 of 4 agents" in words(card)
    assert "Ada Lovelace" in words(card)


async def test_all_stopped_is_said_when_the_view_says_so(opened: Opener) -> None:
    stage = await running_gate()
    assert stage.coordinator.views.halt("HALT-1").stopped
    page = await opened(stage).get("/")
    assert "All-stop: All stopped: 4 of 4 confirmed or enforced" in text(
        page, ".headline [data-halt]"
    )


async def test_a_halt_without_an_incident(opened: Opener) -> None:
    stage = await calm()
    await stage.do(OrderHalt("team:docs", "they write to the wrong branch"))
    page = await opened(stage).get("/")
    assert text(page, ".headline h1") == "1 halt stands, 0s"
    assert "Halt of team:docs: 0 of 1 confirmed or enforced" in text(page, ".headline [data-halt]")
    await stage.do(ReleaseHalt("HALT-1", "branch is mended"))
    agents = await opened(stage).get("/agents")
    assert "Released by person:ada" in text(agents, "[data-halt=HALT-1] .big")


async def test_a_halt_of_nobody_does_not_boast(opened: Opener) -> None:
    stage = await empty()
    await stage.do(OrderHalt("all", "to be sure"))
    page = await opened(stage).get("/")
    assert "no agents in its scope" in text(page, ".headline [data-halt]")
    assert "All stopped" not in page.get_text()


# --- one incident --------------------------------------------------------------------------------


async def test_an_incident_in_the_middle(opened: Opener) -> None:
    page = await opened(await middle()).get("/incidents/INC-1")
    assert "Why SEV1 a core function is down" in text(page, ".why")
    assert text(page, ".next .typed") == "allstop plan retry PLAN-2 restart"
    assert page.select_one("[aria-current=step]")["data-phase"] == "contain"  # type: ignore[index]
    missing = page.select("[data-phase=contain] .missing")
    assert [one["data-criterion"] for one in missing] == ["agents-stopped"]
    assert "(missing)" in words(missing[0])
    held = page.select_one(".plan[data-plan=PLAN-2]")
    assert held is not None
    assert "Held: exit code 1: port 8103 is taken" in words(held)
    assert held.select_one("[data-step=restart]")["data-state"] == "failed"  # type: ignore[index]
    assert "1 of 6 steps" in words(held)
    roll = {one["data-agent"]: one for one in page.select("#roll-call [data-agent]")}
    assert {name: one["data-state"] for name, one in roll.items()} == {
        "builder-1": "confirmed", "builder-2": "confirmed", "refactor-bot": "escaped", "docs-bot": "unaccounted",
    }  # fmt: skip
    assert "loose" in roll["refactor-bot"]["class"]
    assert "loose" not in roll["builder-1"]["class"]
    assert "offered to Grace Hopper, not accepted" in text(page, "[data-role=communications]")
    assert "48s met" in text(page, "[data-measure=detect]")
    assert "not yet" in text(page, "[data-measure=resolve]")


@pytest.mark.parametrize(
    ("subject", "states"),
    [("plan", PlanState), ("step", StepState), ("node", NodeState), ("agent", Hold)],
)
def test_every_state_has_a_word_and_a_shape(subject: str, states: type[StrEnum]) -> None:
    assert {one.value for one in states} <= set(SIGNS[subject])


async def test_a_gate_in_progress(opened: Opener) -> None:
    page = await opened(await running_gate()).get("/incidents/INC-1")
    assert "2 of 3 good samples, stable 5s of 20s" in text(page, "[data-step=gate-traffic]")
    assert page.select_one(".plan.is-running progress")["value"] == "5"  # type: ignore[index]


async def test_an_incident_that_is_over(opened: Opener) -> None:
    console = opened(await stood_down())
    page = await console.get("/incidents/INC-1")
    assert "stood down after 2m 44s" in text(page, ".incident-head .over")
    assert not page.select(".next")
    assert [words(one) for one in page.select("#owed bdi")] == [
        "Post-mortem is published", "Customers are told what happened",
    ]  # fmt: skip
    listed = await console.get("/")
    assert text(listed, ".closed li a") == "Customers can pay failing, payments suspected"


async def test_the_timeline_is_newest_first_and_shows_everything_when_asked(opened: Opener) -> None:
    console = opened(await middle())
    page = await console.get("/incidents/INC-1")
    places = [int(str(one["data-key"])[1:]) for one in page.select("#timeline .entry")]
    assert places == sorted(places, reverse=True)
    assert not page.select('#timeline [data-kind="samples.recorded"]')
    link = page.select_one("#timeline .toggle a")
    assert link is not None
    whole = await console.get("/incidents/INC-1" + str(link["href"]).partition("#")[0])
    assert len(whole.select('#timeline [data-kind="samples.recorded"]')) == 13
    assert whole.select_one("body")["data-stream"] == "/live/incidents/INC-1?everything=1"  # type: ignore[index]


async def test_an_incident_that_was_nothing_has_not_stood_down(opened: Opener) -> None:
    """Given an incident that was a false alarm, then its page does not say that the stand-down was done."""
    stage = await raised(elaborate())
    incident = str((await stage.do(c.DeclareIncident("Search is slow")))["incident"])
    console = opened(stage)
    page = await console.get(f"/incidents/{incident}")
    assert text(page, "[data-phase=stand-down] summary").startswith("Stand-down ahead")
    await stage.do(TriageIncident(incident, False, "a test of the alarm"))
    page = await console.get(f"/incidents/{incident}")
    assert "false alarm" in text(page, ".incident-head .over")
    assert text(page, "[data-phase=stand-down] summary").startswith("Stand-down never")


async def test_evidence_is_shown_as_it_was_stored(opened: Opener) -> None:
    console = opened(await middle())
    page = await console.get("/incidents/INC-1")
    link = page.select_one(".evidence-list a")
    assert link is not None
    evidence = await console.get(str(link["href"]))
    assert "commit 4f1c9aa payments: round amounts down" in text(evidence, "pre.evidence")
    assert "not available" in text(page, '[data-evidence="payments/service-state"]')


async def test_the_work_of_people(opened: Opener) -> None:
    """Given an incident in which people have worked, then the page has it, and what is late stands out."""
    page = await opened(await worked()).get("/incidents/INC-2")
    assert "Preflight NOT passed" in text(page, "[data-key=preflight] > summary")
    assert [one["data-check"] for one in page.select("[data-check]")] == [
        "probes",
        "channels",
        "agents",
    ]
    assert "Tasks 1 of 2 done" in text(page, "[data-key=tasks] > summary")
    assert "nobody has it" in text(page, "[data-task=T2]")
    assert "Waits for commander" in text(page, "[data-change=CHG-1]")
    assert "1 of 2 filed" in text(page, "[data-key=forms] > summary")
    assert "Cards are refused. Since 03:06." in text(page, "[data-form=briefing] .filed")
    assert "not filed, due after stand-down" in text(page, "[data-form=post-mortem]")
    assert "Grace Hopper, Builder one" in text(page, "[data-crew=containment]")
    assert [one["data-finding"] for one in page.select("[data-finding]")] == ["F2", "F1"]
    assert "cause_understood: no" in page.get_text()
    late = page.select("#owed .loose")
    assert [one.get("data-obligation") or one.get("data-action") for one in late] == [
        "customers", "ACT-1",
    ]  # fmt: skip
    assert all("LATE" in words(one) for one in late)
    assert "Scoring suspended; Direct words enabled" in text(page, "[data-mode]")
    assert "Causes: INC-1 Search is slow" in text(page, ".incident-head")


async def test_reading_in_is_closed_until_it_is_wanted(opened: Opener) -> None:
    """Given somebody who joins late, then the summary stands at the top, folded."""
    page = await opened(await worked()).get("/incidents/INC-2")
    summary = page.select_one("#read-in")
    assert summary is not None
    assert "open" not in summary.attrs
    assert [words(one) for one in summary.select("h3")][:3] == [
        "What it is", "How bad, and since when", "Who has what",
    ]  # fmt: skip
    assert "Task: Find out who was charged twice" in words(summary)


async def test_a_corrected_entry_shows_both(opened: Opener) -> None:
    page = await opened(await worked()).get("/incidents/INC-2?all=1")
    (entry,) = [one for one in page.select("#timeline .entry") if one.select(".corrected")]
    assert entry["data-kind"] == "incident.declared"
    assert "INC-2 declared" in words(entry)
    assert "corrected: it began at 03:05" in words(entry)


async def test_a_correction_appears_on_a_page_that_is_known(opened: Opener) -> None:
    """The timeline is kept between two looks; a correction of an old entry comes up all the same."""
    console = opened(await middle())
    await console.get("/incidents/INC-1")
    with happenings():
        event = EntryCorrected(1, "it was earlier", "logs")
        await console.stage.do(Happened("incident/INC-1", (event,)))
    page = await console.get("/incidents/INC-1?all=1")
    assert "corrected: it was earlier" in text(page, "#timeline [data-kind='incident.declared']")


async def test_what_looks_like_an_emergency_is_asked_about(opened: Opener) -> None:
    page = await opened(await worked()).get("/")
    asked = text(page, "[data-proposal=PROP-1]")
    assert "the warehouse reports wrong amounts" in asked
    assert "Asked to confirm: Ada Lovelace" in asked
    assert "allstop confirm PROP-1" in asked
    assert "2 promises are late" in text(page, ".is-late")
    assert len(page.select("[data-mode]")) == 1


# --- the other pages -----------------------------------------------------------------------------


async def test_services(opened: Opener) -> None:
    page = await opened(await middle()).get("/services")
    states = {
        str(one["data-service"]): one["data-state"] for one in page.select("article[data-service]")
    }
    assert states["payments"] == states["orders"] == "down"
    assert states["gateway"] == "up"
    assert len(page.select(".graph .node")) == 7
    assert len(page.select(".graph .edge")) == 9
    assert "protected" in text(page, "article[data-service=payments] > .soft")


async def test_the_log_goes_back_page_by_page(opened: Opener) -> None:
    console = opened(await middle())
    last = console.stage.coordinator.store.last_position()
    page = await console.get("/log")
    assert page.select(".log .entry")[0]["data-key"] == f"e{last}"
    assert "following" in page.get_text()
    older = await console.get("/log?before=20")
    assert [one["data-key"] for one in older.select(".log .entry")][::18] == ["e19", "e1"]
    assert "not following" in older.get_text()
    await console.get("/log?before=soon", 400)


@pytest.mark.parametrize("path", ["/", "/about"])
async def test_broken_documents_are_told_of(opened: Opener, path: str) -> None:
    """Given documents that could not be taken, then the list and the page about the coordinator say that the
    last good policy is in force, and why; and no more once they were."""
    stage = await calm()
    console = opened(stage)
    assert not (await console.get(path)).select("[data-kept]")
    stage.post.broken = "fleet.yaml:3 AP003 no key <nmae>\nfleet.yaml:9 AP004 no port 0"
    await stage.pass_time(1)
    said = text(await console.get(path), "[data-kept]")
    assert "the last good policy is in force: fleet.yaml:3 AP003 no key <nmae> (and 1 more)" in said
    assert "allstop protocol check && allstop reload" in said
    await stage.coordinator.reload()
    await stage.pass_time(1)
    assert not (await console.get(path)).select("[data-kept]")


async def test_about(opened: Opener) -> None:
    console = opened(await calm())
    page = await console.get("/about")
    shown = page.get_text()
    assert console.stage.post.book.current in shown
    assert "0.1.0" in shown
    assert "pigeon-post is not available" in text(page, ".unavailable")
    assert "no module named pigeons" in text(page, ".unavailable")


@pytest.mark.parametrize(
    "path", ["/incidents/INC-9", "/nowhere", f"/evidence/{'0' * 64}", "/evidence/../x"]
)
async def test_what_is_not_there_says_where_to_go(opened: Opener, path: str) -> None:
    page = await opened(await middle()).get(path, 404)
    assert page.select_one("main h1") is not None
    assert page.select_one("main a.button")["href"] == "/"  # type: ignore[index]


async def test_programs_are_not_answered_with_pages(opened: Opener) -> None:
    console = opened(await calm())
    response = await console.client.get("/nowhere", headers={"Accept": "application/json"})
    assert response.status_code == 404
    assert "html" not in response.headers["content-type"]


@pytest.mark.parametrize("scene", SCENES)
async def test_every_page_of_every_scene_is_whole(opened: Opener, scene: str) -> None:
    """One heading, a landmark, no id twice, no link to a page of ours that is not there."""
    console = opened(await SCENES[scene]())
    incidents = [f"/incidents/{name}" for name in console.stage.post.world.incidents]
    for path in ("/", "/agents", "/services", "/log", "/about", *incidents):
        page = await console.get(path)
        assert len(page.select("h1")) == 1, path
        assert len(page.select("main#main")) == 1
        ids = [str(one["id"]) for one in page.select("[id]")]
        assert len(ids) == len(set(ids)), path
        for link in page.select("a[href]"):
            href = str(link["href"])
            if href.startswith("#"):
                assert page.select(f'[id="{href[1:]}"]'), f"{path} {href}"
            elif href.startswith("/") and href != path:
                assert (await console.client.get(href)).status_code == 200, f"{path} {href}"


async def test_without_script_a_live_page_reloads_itself(opened: Opener) -> None:
    page = await opened(await calm()).get("/")
    assert page.select_one("noscript meta[http-equiv=refresh]")["content"] == "10"  # type: ignore[index]
