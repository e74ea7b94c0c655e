"""Hostile texts stay texts, nothing runs inline, and every colour can be read."""

import hashlib
import re

import pytest
from bs4 import BeautifulSoup

from allstop.application.ports import Write
from allstop.domain.effects import Lane
from allstop.faces.web.assets import Assets
from allstop.faces.web.rendering import visible
from tests.faces.web.conftest import Console, Opener, console_of
from tests.faces.web.scenes import HOSTILE, calm, hostile

PATHS = (
    "/",
    "/incidents/INC-1",
    "/incidents/INC-1?everything=1",
    "/agents",
    "/services",
    "/log",
    "/about",
    "/halts/HALT-1",
)


def harmless(page: BeautifulSoup) -> None:
    assert [str(one["src"]).startswith("/static/console-") for one in page.select("script")] == [
        True
    ]
    assert not page.select("style, img, iframe, object, embed, base, [style], [srcdoc]")
    for tag in page.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")], tag
        assert not str(tag.get("href", "")).lower().startswith(("javascript:", "data:")), tag
        assert "autofocus" not in tag.attrs, tag


@pytest.mark.parametrize("path", PATHS)
async def test_hostile_texts_stay_texts(opened: Opener, path: str) -> None:
    console = opened(await hostile())
    page = await console.get(path)
    harmless(page)
    if path != "/about":
        assert "<script>document.title" in page.get_text()
    assert "{{ 7*7 }}" in page.get_text() or path in ("/agents", "/services")
    raw = (await console.client.get(path)).text
    assert "\u202e" not in raw
    assert "\u2066" not in raw
    assert "\u27e8U+202E\u27e9" in raw


async def test_evidence_is_inert(opened: Opener) -> None:
    console = opened(await calm())
    body = b"<script>alert(1)</script>\x00\xff\x1b[31m" + "\u202e".encode()
    digest = hashlib.sha256(body).hexdigest()
    store = console.stage.coordinator.store
    await store.write(Lane.COMMAND, lambda _: Write(blobs={digest: body}))
    page = await console.get(f"/evidence/{digest}")
    harmless(page)
    shown = page.select("pre.evidence")[0].get_text()
    assert shown.startswith(
        "<script>alert(1)</script>\u27e8U+0000\u27e9\ufffd\u27e8U+001B\u27e9[31m"
    )


@pytest.mark.parametrize(
    "path", ["/<script>alert(1)</script>", "/incidents/%3Cscript%3E", "/log?before=<b>"]
)
async def test_addresses_are_shown_as_text(opened: Opener, path: str) -> None:
    response = await opened(await calm()).client.get(path)
    assert response.status_code in (400, 404)
    harmless(BeautifulSoup(response.text, "html.parser"))


@pytest.mark.parametrize(
    "path",
    [
        *PATHS,
        "/nowhere",
        "/sign-in",
        "/sign-out",
        "/enter?code=x",
        "/static/none.css",
        "/live/nowhere",
    ],
)
async def test_headers_of_every_answer(opened: Opener, path: str) -> None:
    response = await opened(await hostile()).client.get(path)
    policy = response.headers["content-security-policy"]
    form = "'self'" if path in ("/sign-in", "/sign-out", "/enter?code=x") else "'none'"
    assert policy == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"frame-ancestors 'none'; base-uri 'none'; form-action {form}"
    )
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"


async def test_the_stranger_learns_nothing(opened: Opener) -> None:
    console = console_of(await hostile())
    for path in (*PATHS, "/evidence/" + "0" * 64, "/incidents/INC-9"):
        response = await console.client.get(path)
        assert response.status_code == 401
        assert "Customers" not in response.text
        assert "INC-1" not in response.text.replace('value="/incidents/INC-1', "")
    assert (await console.client.get("/live/")).status_code == 401
    await console.client.aclose()


async def test_files_are_named_by_their_content(opened: Opener) -> None:
    console = opened(await calm())
    page = await console.get("/")
    for href in (
        str(page.select("link[rel=stylesheet]")[0]["href"]),
        str(page.select("script")[0]["src"]),
    ):
        response = await console.client.get(href)
        assert hashlib.sha256(response.content).hexdigest()[:12] in href
        assert "immutable" in response.headers["cache-control"]
    assert (await console.client.get("/static/console.css")).status_code == 404


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain, кириллица, שלום, 日本, 👩\u200d🚒", None),
        ("a\u202eb", "a\u27e8U+202E\u27e9b"),
        ("a\u200bb\x07", "a\u27e8U+200B\u27e9b\u27e8U+0007\u27e9"),
        ("two\r\nlines\tand tabs", "two\nlines\tand tabs"),
        ("\ud800", "\u27e8U+D800\u27e9"),
    ],
)
def test_nothing_hides_in_a_text(given: str, shown: str | None) -> None:
    assert visible(given) == (given if shown is None else shown)


async def test_a_lone_surrogate_does_not_break_a_page(opened: Opener) -> None:
    console: Console = opened(await calm())
    assert (await console.client.get("/log?before=%ED%A0%80")).status_code == 400
    assert HOSTILE


# --- colours -------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours(dark: bool) -> dict[str, str]:
    found = Assets().body(Assets().href("console.css").rpartition("/")[2])
    assert found is not None
    roots = re.findall(r":root \{(.*?)\}", found[0].decode(), re.DOTALL)
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", roots[0]))
    return light | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", roots[1])) if dark else light


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read(dark: bool) -> None:
    known = colours(dark)
    pairs = [
        (ink, ground)
        for ink in ("ink", "soft", "link", "bad", "warn", "good", "notice")
        for ground in ("paper", "card")
    ]
    pairs += [("ink", "code"), ("soft", "code"), ("paper", "ink")]
    pairs += [
        (ink, wash) for ink in ("ink", "soft", "bad", "warn") for wash in ("bad-wash", "warn-wash")
    ]
    pairs += [
        ("on", ground) for ground in ("sev1", "sev2", "sev3", "sev4", "sev5", "calm", "halted")
    ]
    poor = {pair: round(contrast(known[pair[0]], known[pair[1]]), 2) for pair in pairs}
    assert not {pair: ratio for pair, ratio in poor.items() if ratio < 4.5}
