"""The pages in a real browser: narrow, dark, without script, with a server that goes away."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from allstop.domain.incident import commands as c
from tests.faces.web.conftest import Console, console_of, served
from tests.faces.web.planned import stopping, stopping_many
from tests.faces.web.scenes import SCENES, calm, declared, middle, running_gate
from tests.faces.web.stage import all_well

CHROMIUM = Path("/usr/bin/chromium")
PHONE = {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (make test-tools)"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        await found.close()


class Visit:
    """One page in one browser window, and everything the browser complained about."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def go(self, path: str, *, live: bool = True) -> None:
        await self.page.goto(self.base + path)
        if live:
            await self.page.wait_for_selector("#liveness[data-state=live]")

    async def width(self) -> int:
        return int(await self.page.evaluate("document.documentElement.scrollWidth"))


async def visit(context: BrowserContext, console: Console, base: str) -> Visit:
    page = await context.new_page()
    found = Visit(page, base)
    await page.goto(base + console.link())
    return found


@pytest.mark.parametrize("scene", SCENES)
async def test_every_page_fits_a_phone_and_complains_of_nothing(
    browser: Browser, scene: str
) -> None:
    console = console_of(await SCENES[scene]())
    incidents = [f"/incidents/{name}" for name in console.stage.post.world.incidents]
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        window = await visit(context, console, base)
        for path in ("/", "/agents", "/services", "/log", "/about", *incidents):
            await window.go(path)
            await window.page.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true; })"
            )
            assert await window.width() <= 390, path
        for path in ("/sign-out", "/sign-in", "/nowhere"):
            await window.go(path, live=False)
            assert await window.width() <= 390, path
        complaints = [text for text in window.complaints if "404" not in text]
        assert not complaints
        assert await window.page.title() != "owned"
        await context.close()


async def test_an_incident_appears_and_grows_without_a_reload(browser: Browser) -> None:
    stage = await calm()
    stage.clock.let_run()
    console = console_of(stage)
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        window = await visit(context, console, base)
        page = window.page
        await window.go("/")
        await page.evaluate("window.sameWindow = true")
        await expect(page.locator(".headline h1")).to_have_text(
            "Nothing is wrong that Allstop knows of"
        )
        await declared(stage)
        await expect(page.locator(".headline h1")).to_contain_text("1 incident open, SEV1")
        await expect(page).to_have_title(re.compile("^1 incident open, SEV1"))
        await expect(page.locator("#announcer")).to_contain_text("1 incident open, SEV1")
        age = page.locator(".headline h1 time")
        first = await age.inner_text()
        await expect(age).not_to_have_text(first, timeout=4000)
        assert await page.evaluate("window.sameWindow") is True
        assert not window.complaints
        await context.close()


async def test_the_reader_is_not_disturbed(browser: Browser) -> None:
    """What is opened stays open, focus stays, the place on the screen stays, selected text stays."""
    stage = await running_gate()
    console = console_of(stage)
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        window = await visit(context, console, base)
        page = window.page
        await window.go("/incidents/INC-1")
        await page.locator("[data-key='phase:verify'] > summary").click()
        await page.locator("[data-key='plan:PLAN-2'] > summary").click()
        entry = page.locator("#timeline .entry").nth(12)
        key = await entry.get_attribute("data-key")
        await entry.scroll_into_view_if_needed()
        await page.locator("#timeline .toggle a").evaluate(
            "one => one.focus({preventScroll: true})"
        )
        same = page.locator(f"[data-key='{key}']")
        before = await same.bounding_box()
        await stage.do(c.AddNote("INC-1", "something new\n" * 8))
        await stage.do(c.PostUpdate("INC-1", "monitoring", "Nearly there. " * 20))
        await stage.round("INC-1")
        await expect(page.locator("#timeline")).to_contain_text("something new")
        after = await same.bounding_box()
        assert before is not None
        assert after is not None
        assert abs(before["y"] - after["y"]) < 2
        assert await page.locator("[data-key='phase:verify']").get_attribute("open") is not None
        assert await page.locator("[data-key='plan:PLAN-2']").get_attribute("open") is None
        assert await page.evaluate("document.activeElement.closest('.toggle') !== null")
        await page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('#timeline .entry .said'))"
        )
        chosen = await page.evaluate("String(getSelection())")
        await stage.do(c.AddNote("INC-1", "while text is selected"))
        await page.wait_for_timeout(1200)
        assert await page.evaluate("String(getSelection())") == chosen
        await page.evaluate("getSelection().removeAllRanges()")
        await expect(page.locator("#timeline")).to_contain_text("while text is selected")
        assert not window.complaints
        await context.close()


async def test_a_server_that_goes_away_is_not_called_live(browser: Browser) -> None:
    stage = await middle()
    stage.clock.let_run()
    console = console_of(stage)
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        window = await visit(context, console, base)
        await window.go("/")
        await context.set_offline(True)
        console.sessions.close()
        state = window.page.locator("#liveness")
        await expect(state).to_have_attribute("data-state", "lost", timeout=10_000)
        await expect(state).to_contain_text("reconnecting, this is")
        await stage.do(c.AddNote("INC-1", "missed while away"))
        console.sessions.closed = False
        await context.set_offline(False)
        await expect(state).to_have_attribute("data-state", "live", timeout=15_000)
        await context.close()


async def test_pages_are_read_without_script(browser: Browser) -> None:
    console = console_of(await middle())
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
        window = await visit(context, console, base)
        await window.go("/incidents/INC-1", live=False)
        page = window.page
        await expect(page.locator(".incident-head time").first).to_have_text("1m 14s")
        await expect(page.locator("#liveness")).to_contain_text("as of 03:08:14 UTC")
        await page.locator("#timeline .toggle a").click()
        await expect(page.locator("#timeline")).to_contain_text("of 7 probes good")
        await page.locator("[data-key='phase:verify'] > summary").click()
        await expect(page.locator("[data-criterion=stable]")).to_be_visible()
        assert await page.locator("noscript meta").count() >= 1 or "refresh" in await page.content()
        await context.close()


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_stop_is_followed_at_any_width(browser: Browser, width: int) -> None:
    """Given a stop in its middle, when nodes end, then the page says so, and what was unfolded stays so."""
    stage = await stopping_many()
    console = console_of(stage)
    async with served(console.app) as base:
        context = await browser.new_context(viewport={"width": width, "height": 844})
        window = await visit(context, console, base)
        page = window.page
        await window.go("/incidents/INC-1")
        fold = page.locator("[data-fold=reached]")
        await expect(fold.locator("[data-node]").first).to_be_hidden()
        await fold.locator("summary").click()
        stage.answers = all_well
        await stage.answer_waiting()
        await expect(page.locator("[data-count=reached] strong")).not_to_have_text("66")
        await expect(fold.locator("[data-node]").first).to_be_visible()
        assert await window.width() <= width
        assert not window.complaints
        await context.close()


async def test_a_stop_is_read_without_script(browser: Browser) -> None:
    console = console_of(await stopping())
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
        window = await visit(context, console, base)
        await window.go("/incidents/INC-1", live=False)
        await expect(window.page.locator("[data-node=search]")).to_contain_text("no space left")
        await expect(window.page.locator("[data-node=ledger]")).to_be_visible()
        assert not window.complaints
        await context.close()


async def test_signing_in_by_hand_and_out_again(browser: Browser) -> None:
    console = console_of(await middle())
    secret, _ = await console.stage.coordinator.access.issue("person:ada")
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        page = await context.new_page()
        await page.goto(base + "/incidents/INC-1")
        await page.get_by_label("Token").fill(secret)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(base + "/incidents/INC-1")
        await page.wait_for_selector("#liveness[data-state=live]")
        await page.get_by_role("link", name="Sign out").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(base + "/sign-in")
        assert not await context.cookies()
        await context.close()


async def test_a_link_in_a_chat_reaches_the_page(browser: Browser) -> None:
    """Another site links to us: the strict cookie stays at home at first, and the page asks again."""
    console = console_of(await middle())
    async with served(console.app) as base:
        context = await browser.new_context()
        chat = base.replace("127.0.0.1", "localhost")
        link = f"<a id=go href='{base}/incidents/INC-1'>x</a><a id=in href='{base}{console.link()}'>y</a>"
        await context.route(
            f"{chat}/chat", lambda route: route.fulfill(body=link, content_type="text/html")
        )
        page = await context.new_page()
        await page.goto(f"{chat}/chat")
        await page.click("#in")
        await expect(page.locator(".headline")).to_be_visible()
        await page.goto(f"{chat}/chat")
        await page.click("#go")
        await expect(page.locator(".incident-head")).to_be_visible()
        await context.close()


async def test_the_keyboard_is_enough(browser: Browser) -> None:
    console = console_of(await middle())
    async with served(console.app) as base:
        context = await browser.new_context()
        window = await visit(context, console, base)
        await window.go("/")
        page = window.page
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.keyboard.press("Tab")
        exact = await page.evaluate("getComputedStyle(document.activeElement, '::after').content")
        assert exact == '"2026-03-14 03:07:00 UTC"'
        await context.close()
        await asyncio.sleep(0)
