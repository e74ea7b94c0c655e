"""Answers of the console: a page, an error, the page for signing in; and the headers every one of them has."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from allstop.domain.principal import Principal
from allstop.errors import AllstopError
from allstop.faces.web.assets import Assets
from allstop.faces.web.entrance import local_path
from allstop.faces.web.rendering import Pages

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action "
)
HEADERS = {
    "Content-Security-Policy": CSP + "'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer: forms would then be sent with Origin: null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATUS = {"not-found": 404, "invalid": 400, "unauthenticated": 401, "unavailable": 503}

ASSETS = Assets()
PAGES = Pages(ASSETS)


def page(
    template: str, title: str, context: dict[str, Any], *, who: Principal | None = None,
    status: int = 200, path: str = "", form: bool = False,
) -> Response:  # fmt: skip
    """form: the page holds one, which the policy of every other page forbids."""
    whole = {
        "live": "",
        "said": "",
        "fragments": {},
        **context,
        "title": title,
        "who": who,
        "path": path,
    }
    headers = {**HEADERS, "Content-Security-Policy": CSP + ("'self'" if form else "'none'")}
    return Response(PAGES.page(template, whole), status, headers, "text/html; charset=utf-8")


def error_page(error: AllstopError, status: int, who: Principal | None = None) -> Response:
    return page(
        "error", f"{status} · Allstop", {"error": error, "status": status}, who=who, status=status
    )


def sign_in_page(status: int, trouble: str = "", after: str = "/") -> Response:
    response = page(
        "sign-in",
        "Sign in · Allstop",
        {"trouble": trouble, "after": after, "again": ""},
        status=status,
        form=True,
    )
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response


def stranger_page(request: Request) -> Response:
    """Somebody not recognised. A link in a chat brings no strict cookie: then the page asks once more itself."""
    address = local_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    abroad = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    context = {"trouble": "", "after": address, "again": address if abroad else ""}
    response = page("sign-in", "Sign in · Allstop", context, status=401, form=True)
    response.headers["WWW-Authenticate"] = 'Bearer realm="allstop"'
    return response
