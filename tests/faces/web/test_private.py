"""Pages and their live parts for somebody who may not see a private incident."""

from collections.abc import Mapping

import pytest

from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import work_commands as w
from allstop.domain.principal import Principal
from allstop.faces.web.live import Stream
from tests.application.whole import ZOE
from tests.faces.web.conftest import Console, Opener
from tests.faces.web.scenes import elaborate
from tests.faces.web.stage import ADA, Stage, raised

WORD = "Zanzibar"
TITLE = f"{WORD} & the 'payroll' leak"
PATHS = ("/", "/agents", "/services", "/log", "/about", "/incidents/INC-1", "/halts/HALT-1")


async def secretive() -> Stage:
    """A small public incident, and a private one that stopped every agent."""
    stage = await raised(elaborate())
    stage.sample_all("payments")
    await stage.do(c.DeclareIncident("Search is slow"))
    down = Impact(("Customers can pay",))
    await stage.do(c.DeclareIncident(TITLE, ("payments",), impact=down, private=True))
    await stage.settle()
    for command in (
        c.AddNote("INC-2", WORD), w.AddTask("INC-2", WORD), c.AddNote("INC-1", f"see INC-2, {TITLE}"),
    ):  # fmt: skip
        await stage.do(command)
    return stage


def mentions(text: str) -> bool:
    return WORD in text or "INC-2" in text


@pytest.fixture
async def console(opened: Opener) -> Console:
    return opened(await secretive())


@pytest.mark.parametrize("path", PATHS)
async def test_no_page_says_a_word_of_it(console: Console, path: str) -> None:
    """Given pages that were painted for somebody who may see it, when a stranger opens them, then they get
    their own."""
    assert mentions(str(await console.get(path)))
    console.sign_in(ZOE)
    assert not mentions(str(await console.get(path)))
    console.sign_in(ADA)
    assert mentions(str(await console.get(path)))


@pytest.mark.parametrize("path", ["", "incidents/INC-1"])
async def test_nor_does_its_window_or_what_is_read_aloud(opened: Opener, path: str) -> None:
    """Given a public incident whose title names one that is private, then neither the title of the window
    nor the sentence for screen readers does so for a stranger, on the page and live."""
    stage = await raised(elaborate())
    await stage.do(c.DeclareIncident("Search is as slow as in INC-2"))
    await stage.do(c.DeclareIncident("Breach", private=True))
    console = opened(stage)
    assert "INC-2" in str(await console.get(f"/{path}"))
    console.sign_in(ZOE)
    page = await console.get(f"/{path}")
    assert "Search is as slow as in a private incident" in str(page)
    assert "INC-2" not in str(page)
    assert "INC-2" not in "".join(await messages(console, path, ZOE, {}))


async def test_its_own_page_and_evidence_are_not_there(console: Console) -> None:
    page = await console.get("/incidents/INC-2")
    link = page.select_one(".evidence-list a")
    assert link is not None
    console.sign_in(ZOE)
    missing = await console.get("/incidents/INC-2", 404)
    assert WORD not in missing.get_text()
    await console.get(str(link["href"]), 404)
    assert (await console.client.get("/live/incidents/INC-2")).status_code == 404


async def test_agents_are_held_without_a_reason(console: Console) -> None:
    console.sign_in(ZOE)
    page = await console.get("/agents")
    halt = page.select_one("[data-halt=HALT-1]")
    assert halt is not None
    assert "private." in halt.get_text()
    assert not halt.select(".command")


async def messages(
    console: Console, path: str, who: Principal, query: Mapping[str, str]
) -> list[str]:
    """What a live page is sent until it has nothing more to say."""
    asked = iter(("", "bye"))
    painter = console.app.routes[0].endpoint.__self__.painter  # type: ignore[attr-defined]
    stream = Stream(painter, path, query, who, lambda: next(asked))
    return [one.decode() async for one in stream.messages()]


@pytest.mark.parametrize("path", ["", "agents", "log", "incidents/INC-1"])
async def test_no_live_part_says_a_word_of_it(console: Console, path: str) -> None:
    """Given two live pages of one console, then each is sent what its reader may see."""
    mine = "".join(await messages(console, path, ADA, {}))
    theirs = "".join(await messages(console, path, ZOE, {}))
    assert mentions(mine)
    assert "fragments" in theirs
    assert not mentions(theirs)


async def test_a_page_that_becomes_private_is_taken_away(console: Console) -> None:
    """Given a stranger who looks at a page, when its incident becomes private, then the page is gone."""
    sent = await messages(console, "incidents/INC-2", ZOE, {})
    assert sent[-1].startswith("event: gone")
    assert WORD not in "".join(sent)
