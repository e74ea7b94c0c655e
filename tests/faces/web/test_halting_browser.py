"""Stopping agents in a real browser, on a phone: from a link in a message to a roll call, with script and without."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.faces.web.conftest import console_of, served
from tests.faces.web.scenes import calm
from tests.faces.web.stage import GRACE
from tests.faces.web.test_browser import CHROMIUM, PHONE

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


@pytest.mark.parametrize("script", [True, False])
async def test_from_a_link_to_the_roll_call(browser: Browser, script: bool) -> None:
    """Given a link for halting, when it is followed, looked at and pressed, then everybody stops; not before."""
    stage = await calm()
    stage.clock.let_run()
    console = console_of(stage)
    link = f"/enter?code={console.sessions.new_code(GRACE, 900_000, '/halt')}"
    halts = stage.post.world.halts
    async with served(console.app) as base:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=script)  # type: ignore[arg-type]
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(base + link)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_label("Whom").select_option("agent:builder-1")
        await page.get_by_label("Why").fill("it drops tables")
        await page.get_by_role("button", name="Look at who stops").click()
        await expect(page.get_by_role("heading", name="This stops 1 agent")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        button = page.get_by_role("button", name="Stop 1 agent")
        seen = await button.bounding_box()
        assert seen is not None
        assert seen["y"] + seen["height"] < PHONE["height"]
        assert not halts
        await button.click()
        await page.wait_for_url("**/halts/HALT-1")
        assert list(stage.post.world.halts["HALT-1"].roll) == ["builder-1"]
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await stage.settle()
        if not script:
            await page.reload()
        await expect(page.locator("[data-agent=builder-1]")).to_contain_text("told")
        # back and forth in the browser's history orders nothing more
        await page.go_back()
        await page.go_forward()
        await page.reload()
        assert list(stage.post.world.halts) == ["HALT-1"]
        assert not complaints
        await context.close()
