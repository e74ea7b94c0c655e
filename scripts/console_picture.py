"""Makes docs/images/console.png: the console in the middle of an emergency, on a desk and on a phone.

python scripts/console_picture.py [FILE]: needs the test tools. A test runs it, so the picture can always be made again.
"""

import asyncio
import base64
import sys
from pathlib import Path
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from playwright.async_api import Browser, async_playwright  # noqa: E402

from tests.faces.web.conftest import Console, console_of, served  # noqa: E402
from tests.faces.web.scenes import middle  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
PICTURE = ROOT / "docs" / "images" / "console.png"
FRAME = """
<style>
  body {{ margin: 0; padding: 40px 48px 48px; background: #cfc9ba; display: flex; gap: 40px; align-items: flex-start; width: 1504px; box-sizing: border-box; }}
  img {{ display: block; box-shadow: 0 10px 34px rgb(0 0 0 / 30%); }}
  .desk {{ width: 1040px; border-radius: 8px; }}
  .phone {{ width: 328px; border-radius: 22px; border: 5px solid #111; box-sizing: border-box; }}
</style>
<img class="desk" src="data:image/png;base64,{desk}"><img class="phone" src="data:image/png;base64,{phone}">
"""


async def shot(
    browser: Browser, console: Console, address: str, size: tuple[int, int], scheme: str
) -> str:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
        device_scale_factor=2,
    )
    page = await context.new_page()
    await page.goto(urljoin(address, console.link()))
    await page.goto(address)
    await page.wait_for_selector("#liveness[data-state=live]")
    picture = await page.screenshot()
    await context.close()
    return base64.b64encode(picture).decode()


async def main(picture: Path) -> None:
    console = console_of(await middle())
    async with async_playwright() as playwright, served(console.app) as base:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        desk = await shot(browser, console, f"{base}/", (1280, 900), "light")
        phone = await shot(browser, console, f"{base}/incidents/INC-1", (390, 844), "dark")
        page = await browser.new_page(viewport={"width": 1504, "height": 800})
        await page.set_content(FRAME.format(desk=desk, phone=phone))
        picture.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=picture, full_page=True)
        await browser.close()
    print(f"{picture}: {picture.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE))
