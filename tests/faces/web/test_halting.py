"""Stopping agents from a phone: looking stops nobody, a press stops everybody it named, once, and only a person's own page can press."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.principal import Kind, Principal
from tests.faces.web.conftest import BASE, Console, Opener, console_of, text, words
from tests.faces.web.rules import shop
from tests.faces.web.scenes import HOSTILE, calm, hostile
from tests.faces.web.stage import GRACE, raised
from tests.faces.web.test_safety import harmless

FORMS = ("/halt", "/halt?scope=team:build", "/halt?scope=agent:builder-1", "/halt?scope=nonsense")


def halts(console: Console) -> list[str]:
    return list(console.stage.post.world.halts)


def fields(page: BeautifulSoup) -> dict[str, str]:
    """What the one form of a page would send as it stands."""
    (form,) = page.select("form")
    found = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")}
    for one in form.select("select[name]"):
        chosen = one.select("option[selected]") or one.select("option")
        found[str(one["name"])] = str(chosen[0]["value"])
    return found


async def sent(console: Console, path: str, body: dict[str, str], **headers: str) -> Any:
    return await console.client.post(path, data=body, headers=headers)


async def look(console: Console, body: dict[str, str]) -> Any:
    return await console.client.get("/halt/look", params=body)


def read(response: Any) -> BeautifulSoup:
    return BeautifulSoup(response.text, "html.parser")


async def looked(console: Console, **changes: str) -> BeautifulSoup:
    """The second look at what a form asks for."""
    response = await look(console, fields(await console.get("/halt")) | changes)
    assert response.status_code == 200, response.text
    return read(response)


# --- from a form to a roll call ------------------------------------------------------------------


async def test_everybody_stops_after_a_look_and_a_press(opened: Opener) -> None:
    console = opened(await calm())
    agents = list(console.stage.post.world.agents)
    form = await console.get("/halt")
    assert text(form, "option[selected]") == f"Everybody ({len(agents)} agents)"

    second = await looked(console, why="an agent is dropping tables")
    assert text(second, "h1") == f"This stops {len(agents)} agents"
    assert [one["data-agent"] for one in second.select("[data-agent]")] == agents
    assert "an agent is dropping tables" in second.get_text()
    assert halts(console) == []

    pressed = await sent(console, "/halt/order", fields(second))
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/halts/HALT-1")
    halt = console.stage.post.world.halts["HALT-1"]
    assert (halt.scope, halt.reason) == ("all", "an agent is dropping tables")
    assert list(halt.roll) == agents
    assert halt.ordered_by == "person:ada"

    page = await console.get("/halts/HALT-1")
    assert f"0 of {len(agents)} confirmed or enforced" in text(page, ".card.halt .big")
    assert "allstop release HALT-1" in text(page, "main")
    assert page.select("body[data-stream='/live/halts/HALT-1']")
    assert page.select("noscript meta[http-equiv=refresh]")
    assert not page.select("form")


@pytest.mark.parametrize(
    ("scope", "shown"),
    [("team:build", "Team build"), ("agent:builder-1", "(builder-1)")],
)
async def test_a_link_chooses_a_team_or_an_agent(opened: Opener, scope: str, shown: str) -> None:
    console = opened(await calm())
    page = await console.get(f"/halt?scope={scope}&why=look")
    assert shown in text(page, "option[selected]")
    body = fields(page)
    assert (body["scope"], body["why"]) == (scope, "look")
    second = read(await look(console, body))
    inside = [one["data-agent"] for one in second.select("[data-agent]")]
    await sent(console, "/halt/order", fields(second))
    halt = console.stage.post.world.halts["HALT-1"]
    assert halt.scope == scope
    assert list(halt.roll) == inside
    assert 0 < len(inside) < len(console.stage.post.world.agents)


async def test_a_machine_that_is_named_in_the_address_can_be_chosen(opened: Opener) -> None:
    console = opened(await calm())
    second = await looked(console, scope="host:web-9")
    assert text(second, "h1") == "This stops 0 agents"
    assert "Stop whoever comes" in text(second, "button")
    await sent(console, "/halt/order", fields(second))
    assert console.stage.post.world.halts["HALT-1"].scope == "host:web-9"


async def test_nobody_has_to_think_of_a_reason(opened: Opener) -> None:
    console = opened(await calm())
    await sent(console, "/halt/order", fields(await looked(console)))
    assert console.stage.post.world.halts["HALT-1"].reason == (
        "ordered from the console without a reason"
    )


async def test_the_second_look_says_who_is_held_already(opened: Opener) -> None:
    console = opened(await calm())
    await console.stage.do(OrderHalt("agent:builder-1", "look"))
    assert "1 of them is held already" in (await looked(console)).get_text()


async def test_the_roll_call_says_when_it_is_over(opened: Opener) -> None:
    console = opened(await calm())
    await sent(console, "/halt/order", fields(await looked(console)))
    await console.stage.do(ReleaseHalt("HALT-1", "it is over"))
    page = await console.get("/halts/HALT-1")
    assert "Released by person:ada" in text(page, ".card.halt .big")
    assert "allstop release" not in page.get_text()
    await console.get("/halts/HALT-9", 404)


# --- reading is not halting ----------------------------------------------------------------------


async def test_nothing_that_is_fetched_stops_anybody(opened: Opener) -> None:
    """Given links of every shape, when they are fetched as a browser and a messenger do, then no halt stands."""
    console = opened(await calm())
    seal = fields(await looked(console))["seal"]
    query = f"?scope=all&why=x&seal={seal}"
    for path in (
        *FORMS,
        f"/halt{query}",
        f"/halt/look{query}",
        f"/halt/order{query}",
        "/halts/all",
        "/halts",
    ):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            await console.client.request(method, path)
        if "order" not in path:
            await console.client.post(path, data={"scope": "all", "why": "x", "seal": seal})
    await looked(console)
    assert halts(console) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_of_another_site_stops_nobody(opened: Opener, headers: dict[str, str]) -> None:
    console = opened(await calm())
    body = fields(await looked(console))
    response = await sent(console, "/halt/order", body, **headers)
    assert response.status_code == 403
    assert "Nobody was stopped" in response.text
    assert halts(console) == []


@pytest.mark.parametrize("seal", ["", "x", ".", "0.0", "é.é", "\ud800.x", "a" * 5000])
async def test_a_form_without_our_seal_stops_nobody(opened: Opener, seal: str) -> None:
    console = opened(await calm())
    body = fields(await looked(console)) | {"seal": seal.encode("utf-8", "replace").decode()}
    assert (await sent(console, "/halt/order", body)).status_code == 403
    assert halts(console) == []


async def test_the_seal_of_somebody_elses_session_is_none(opened: Opener) -> None:
    console = opened(await calm())
    body = fields(await looked(console))
    console.sign_in(GRACE)
    response = await sent(console, "/halt/order", body)
    assert response.status_code == 403
    assert halts(console) == []
    # the page that says so is a form of hers, and works
    second = read(await look(console, fields(read(response))))
    assert (await sent(console, "/halt/order", fields(second))).status_code == 303
    assert console.stage.post.world.halts["HALT-1"].ordered_by == "person:grace"


async def test_strangers_agents_and_programs_are_turned_away(opened: Opener) -> None:
    console = opened(await calm())
    body = fields(await looked(console))
    console.client.cookies.clear()
    assert (await sent(console, "/halt/order", body)).status_code == 401
    assert (await look(console, {})).status_code == 401
    for who in (Principal("builder-1", Kind.AGENT, "test"), Principal("cron", Kind.SOURCE, "test")):
        console.sign_in(who)
        assert "this page is for people" in (await console.client.get("/halt")).text.lower()
        assert (await sent(console, "/halt/order", body)).status_code == 403
        assert not (await console.get("/")).select("a.to-halt")
    assert halts(console) == []


async def test_a_program_that_brings_a_token_has_the_api(opened: Opener) -> None:
    """Whoever is recognised without a session of a browser has no form: the console is for people who look."""
    console = opened(await calm())
    body = fields(await looked(console))

    async def recognising(scope: dict[str, object], receive: object, send: object) -> None:
        scope.setdefault("state", {})["principal"] = GRACE  # type: ignore[index]
        await console.app(scope, receive, send)  # type: ignore[arg-type]

    console.client._transport.app = recognising  # type: ignore[attr-defined]
    assert (await sent(console, "/halt/order", body)).status_code == 403
    assert halts(console) == []


async def test_a_press_after_the_session_ended_says_that_nobody_was_stopped(opened: Opener) -> None:
    """Given a phone that was put away for an hour, when the button is pressed, then signing in leads back to what was asked for."""
    console = opened(await calm())
    body = fields(await looked(console, scope="agent:builder-1", why="it drops tables"))
    console.stage.clock.passed_ms += 31 * 60_000
    response = await sent(console, "/halt/order", body)
    assert response.status_code == 401
    assert "Nobody was stopped" in response.text
    assert halts(console) == []
    (after,) = read(response).select("input[name=next]")
    assert after["value"] == "/halt?scope=agent%3Abuilder-1&why=it+drops+tables"
    console.sign_in()
    again = fields(await console.get(str(after["value"])))
    assert again == {"scope": "agent:builder-1", "why": "it drops tables"}


# --- pressed twice, too late, refused ------------------------------------------------------------


async def test_a_press_that_is_repeated_is_one_halt(opened: Opener) -> None:
    console = opened(await calm())
    body = fields(await looked(console))
    answers = [await sent(console, "/halt/order", body) for _ in range(3)]
    assert {one.headers["location"] for one in answers} == {"/halts/HALT-1"}
    assert halts(console) == ["HALT-1"]


async def test_an_old_form_never_passes_for_a_stop(opened: Opener) -> None:
    """Given a halt that was released, when its form is pressed again from the browser's history, then it is
    said that nobody is stopped, and the page at hand stops them."""
    console = opened(await calm())
    body = fields(await looked(console))
    await sent(console, "/halt/order", body)
    await console.stage.do(ReleaseHalt("HALT-1", "it is over"))
    again = await sent(console, "/halt/order", body)
    assert again.status_code == 409
    assert "nobody is stopped by it any more" in again.text
    assert (await sent(console, "/halt/order", fields(read(again)))).status_code == 303
    assert halts(console) == ["HALT-1", "HALT-2"]


async def test_a_form_that_was_changed_after_it_was_pressed_asks_again(opened: Opener) -> None:
    console = opened(await calm())
    body = fields(await looked(console, scope="agent:builder-1"))
    await sent(console, "/halt/order", body)
    again = await sent(console, "/halt/order", body | {"scope": "all"})
    assert again.status_code == 409
    assert halts(console) == ["HALT-1"]
    assert (await sent(console, "/halt/order", fields(read(again)))).status_code == 303
    assert console.stage.post.world.halts["HALT-2"].scope == "all"


@pytest.mark.parametrize(
    ("scope", "status", "told"),
    [
        ("planet", 400, "planet is no scope"),
        ("", 400, "is no scope"),
        ("agent:nobody", 409, "there is no agent nobody"),
        ("team:nobody", 409, "no agent is in a team nobody"),
        ("host:<b>", 400, "a host is named by letters"),
    ],
)
async def test_what_cannot_be_stopped_is_said_before_the_press(
    opened: Opener, scope: str, status: int, told: str
) -> None:
    console = opened(await calm())
    body = fields(await console.get("/halt")) | {"scope": scope}
    response = await look(console, body)
    assert response.status_code == status
    assert told in words(read(response).select(".trouble")[0])
    seal = fields(await looked(console))["seal"]
    pressed = await sent(console, "/halt/order", body | {"seal": seal})
    assert pressed.status_code == 409
    assert halts(console) == []


async def test_a_protocol_under_which_only_a_role_may_halt_is_told(opened: Opener) -> None:
    policy = shop()
    grants = tuple(
        replace(one, to=("role:commander",)) if one.action == "halt" else one
        for one in policy.protocol.authority
    )
    stage = await raised(replace(policy, protocol=replace(policy.protocol, authority=grants)))
    console = opened(stage)
    body = fields(await console.get("/halt"))
    refused = await look(console, body)
    assert refused.status_code == 409
    assert "halt" in text(read(refused), ".trouble")
    assert halts(console) == []


async def test_what_is_no_small_form_is_refused_in_a_sentence(opened: Opener) -> None:
    console = opened(await calm())
    body = fields(await looked(console))
    long = await sent(console, "/halt/order", body | {"why": "x" * 20_000})
    many = await sent(console, "/halt/order", body | {f"f{number}": "x" for number in range(30)})
    other = await console.client.post("/halt/order", json=body)
    for response in (long, many, other):
        assert response.status_code == 403
        assert "Nobody was stopped" in response.text
    assert halts(console) == []


# --- pages ---------------------------------------------------------------------------------------


async def test_every_page_of_a_person_leads_there(opened: Opener) -> None:
    console = opened(await hostile())
    for path in (
        "/",
        "/incidents/INC-1",
        "/agents",
        "/services",
        "/log",
        "/about",
        "/halts/HALT-1",
    ):
        (link,) = (await console.get(path)).select("a.to-halt")
        assert (link["href"], words(link)) == ("/halt", "Stop agents")
    console.client.cookies.clear()
    assert not (await console.get("/sign-in")).select("a.to-halt")


async def test_each_agent_that_runs_can_be_stopped_from_the_list(opened: Opener) -> None:
    console = opened(await calm())
    await console.stage.do(OrderHalt("agent:builder-1", "look"))
    page = await console.get("/agents")
    links = {str(one["href"]) for one in page.select("[data-agent] a")}
    others = [one for one in console.stage.post.world.agents if one != "builder-1"]
    assert links == {f"/halt?scope=agent:{one}" for one in others}
    form = await console.get(f"/halt?scope=agent:{others[0]}")
    assert fields(form)["scope"] == f"agent:{others[0]}"


async def test_hostile_names_and_reasons_stay_texts(opened: Opener) -> None:
    console = opened(await hostile())
    form = await console.client.get("/halt", params={"scope": f"agent:{HOSTILE}", "why": HOSTILE})
    second = await look(console, fields(await console.get("/halt")) | {"why": HOSTILE})
    pressed = await sent(console, "/halt/order", fields(read(second)))
    page = await console.client.get(pressed.headers["location"])
    for response in (form, second, page):
        harmless(read(response))
        assert "\u202e" not in response.text
        action = "'none'" if response is page else "'self'"
        assert response.headers["content-security-policy"].endswith(f"form-action {action}")
    assert "<script>document.title" in read(page).get_text()


# --- the link for a phone ------------------------------------------------------------------------


def phone_link(console: Console) -> str:
    code = console.sessions.new_code(GRACE, 15 * 60_000, "/halt")
    return f"/enter?code={code}"


async def test_a_messenger_that_fetches_the_link_uses_nothing_up(opened: Opener) -> None:
    """Given a link in a chat, when a preview fetches it many times, then nobody is signed in and the person still is."""
    console = console_of(await calm())
    link = phone_link(console)
    abroad = {"Sec-Fetch-Site": "cross-site"}
    previews = [await console.client.get(link, headers=abroad) for _ in range(3)]
    seen = [(one.status_code, "set-cookie" in one.headers) for one in previews]
    assert seen == [(200, False)] * 3
    body = fields(read(previews[-1]))
    entered = await sent(
        console, "/enter", body, **{"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
    )
    assert (entered.status_code, entered.headers["location"]) == (303, "/halt")
    assert "person:grace" in text(await console.get("/halt"), ".foot")
    assert halts(console) == []
    console.client.cookies.clear()
    assert (await sent(console, "/enter", body)).status_code == 401
    assert (await console.client.get(link)).status_code == 401
    await console.client.aclose()


async def test_the_link_grows_old_after_a_quarter_of_an_hour(opened: Opener) -> None:
    console = console_of(await calm())
    link = phone_link(console)
    console.stage.clock.passed_ms += 15 * 60_000 - 1
    page = await console.get(link)
    console.stage.clock.passed_ms += 1
    assert (await console.client.get(link)).status_code == 401
    assert (await sent(console, "/enter", fields(page))).status_code == 401
    await console.client.aclose()


async def test_the_press_on_the_link_is_our_own_and_counted() -> None:
    console = console_of(await calm())
    body = fields(await console.get(phone_link(console)))
    cross = await sent(console, "/enter", body, Origin="https://evil.example")
    assert cross.status_code == 403
    assert "set-cookie" not in cross.headers
    for _ in range(10):
        await sent(console, "/enter", {"code": "guess"})
    assert (await sent(console, "/enter", body)).status_code == 429
    await console.client.aclose()
