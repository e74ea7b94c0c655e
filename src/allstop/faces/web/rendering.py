"""Templates to text: whole pages, and the fragments of a page that stay live."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from allstop.domain.moment import between, words
from allstop.faces.web.assets import Assets
from allstop.faces.web.signs import sign

# Characters that change how others are shown: control codes, and what turns the direction of text.
_HIDDEN = [
    *range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x061C, 0x200B, 0x200E, 0x200F,
    *range(0x2028, 0x202F), *range(0x2060, 0x206A), 0xFEFF, *range(0xD800, 0xE000),
]  # fmt: skip
_SHOWN = {number: f"\u27e8U+{number:04X}\u27e9" for number in _HIDDEN} | {0x0D: ""}

_TICKING = re.compile(r"(<time [^>]*>)[^<]*(</time>)")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a page. mark: changes when more than the passing time has changed."""

    id: str
    html: Markup
    mark: str


def visible(value: Any) -> Any:
    """Texts of other people with nothing hidden in them; everything else as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(_SHOWN)
    return value


class Pages:
    """Renders. What goes into a page is escaped, whatever it is."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("allstop.faces.web"), autoescape=True, undefined=StrictUndefined,
            finalize=visible, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        self._environment.globals.update(sign=sign, href=assets.href, when=when, exact=exact)
        self._environment.filters.update(words=words)

    def fragment(self, id: str, context: Mapping[str, Any]) -> Fragment:
        html = self._environment.get_template(f"part/{id}.html").render(context).strip()
        mark = hashlib.sha256(_TICKING.sub(r"\1\2", html).encode()).hexdigest()[:12]
        return Fragment(id, Markup(html), mark)  # noqa: S704 - rendered with autoescape on

    def page(self, name: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(f"{name}.html").render(context)


def exact(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def when(at: datetime, now: datetime, kind: str = "ago", *, focus: bool = True) -> Markup:
    """A time as people say it, with the exact one on hover and focus. The script lets it tick.

    kind: ago ("2m 13s ago"), since ("2m 13s"), until ("in 2m 13s", "2m 13s ago"), clock ("03:07:12").
    """
    text = {"ago": ago, "since": since, "until": until, "clock": clock}[kind](at, now)
    stop = Markup(' tabindex="0"') if focus and kind != "clock" else ""
    return Markup(
        '<time class="when" datetime="{}" data-tick="{}" data-exact="{}"{}>{}</time>'
    ).format(at.isoformat(), kind, exact(at), stop, text)


def ago(at: datetime, now: datetime) -> str:
    return f"{since(at, now)} ago"


def since(at: datetime, now: datetime) -> str:
    return words(max(0, between(at, now)) // 1000 * 1000)


def until(at: datetime, now: datetime) -> str:
    return f"in {since(now, at)}" if at > now else ago(at, now)


def clock(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M:%S}" if between(at, now) < 86_400_000 else f"{at:%m-%d %H:%M}"
