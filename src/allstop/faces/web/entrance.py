"""Signing in and out: forms, one-time links, cookies, and who may send them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from allstop.application.access import digest_of
from allstop.application.coordinator import Coordinator
from allstop.domain.principal import Principal
from allstop.errors import Unauthenticated
from allstop.faces.web.sessions import LONGEST_MS, Sessions

FORM_LIMIT = 4096
FORM_FIELDS = 10
# The HTTP face may have recognised somebody already, such as the peer of the Unix socket.
PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True)
class Form:
    """fields: first value of each; trouble: why the form is not taken, or empty."""

    fields: dict[str, str]
    trouble: str = ""


class Entrance:
    """Recognises who is behind a request, and lets people in and out."""

    def __init__(self, coordinator: Coordinator, sessions: Sessions) -> None:
        self._coordinator = coordinator
        self._sessions = sessions

    def who(self, request: Request) -> Principal | None:
        """Whoever the HTTP face recognised, or the holder of a live session."""
        known = request.scope.get("state", {}).get(PRINCIPAL)
        if isinstance(known, Principal):
            return known
        secret = request.cookies.get(cookie_name(request))
        session = self._sessions.find(secret) if secret else None
        if session is None or secret is None:
            return None
        if session.token and not self._still_good(session.token):
            self._sessions.end(secret)
            return None
        return session.principal

    def _still_good(self, token: str) -> bool:
        """Revoking a token ends the sessions that were opened with it."""
        return self._coordinator.store.token(token, self._coordinator.clock.now().utc) is not None

    def with_token(self, token: str) -> str:
        """Open a session for a bearer token. Raises Unauthenticated."""
        who = self._coordinator.access.by_token(token)
        if who.host:
            raise Unauthenticated("this token follows orders and nothing else")
        return self._sessions.begin(who, digest_of(token))

    def seal(self, request: Request, purpose: str) -> str:
        """What a form of this session bears, for one purpose, once. Empty when there is no session of a browser."""
        secret = self._secret(request)
        number = self._sessions.fresh()
        return f"{number}.{_seal(secret, purpose, number)}" if secret else ""

    def sealed(self, request: Request, purpose: str, seal: str) -> str:
        """The number in a seal that this session was given for a purpose; empty for any other text."""
        secret = self._secret(request)
        number, _, given = seal.partition(".")
        if not secret or not number or not given.isascii():
            return ""
        return number if hmac.compare_digest(given, _seal(secret, purpose, number)) else ""

    def _secret(self, request: Request) -> str:
        """The secret of the live session whoever asks is recognised by; empty when it was by something else."""
        if request.scope.get("state", {}).get(PRINCIPAL) is not None or self.who(request) is None:
            return ""
        return request.cookies.get(cookie_name(request), "")

    def with_code(self, code: str) -> str | None:
        principal = self._sessions.redeem(code)
        return None if principal is None else self._sessions.begin(principal)

    def leave(self, request: Request) -> None:
        secret = request.cookies.get(cookie_name(request))
        if secret:
            self._sessions.end(secret)

    def admit(self, request: Request) -> bool:
        """Whether this peer may try to sign in now."""
        return self._sessions.throttle.admit(request.client.host if request.client else "local")


def _seal(secret: str, purpose: str, number: str) -> str:
    said = f"{purpose}\0{number}".encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode("utf-8", "surrogatepass"), said, hashlib.sha256).hexdigest()


async def read_form(request: Request, limit: int = FORM_LIMIT) -> Form:
    """A small form from one of our own pages; anything else is refused with a reason. limit: bytes."""
    if not from_here(request):
        return Form({}, "the form was sent from another site")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return Form({}, "this is not a form")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return Form({}, "the form is too long")
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FORM_FIELDS)
    except ValueError:
        return Form({}, "the form has too many fields")
    return Form({name: values[0] for name, values in found.items()})


def from_here(request: Request) -> bool:
    """Whether a browser sent this from a page of ours. Programs send neither header, and no cookies either."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("host", "")


def cookie_name(request: Request) -> str:
    """Cookies know no ports: two coordinators on one machine must not sign each other out."""
    if request.url.scheme == "https":
        return "__Host-allstop-session"
    return f"allstop-session-{request.url.port or 80}"


def set_cookie(request: Request, response: Response, secret: str) -> None:
    response.set_cookie(
        cookie_name(request), secret, max_age=LONGEST_MS // 1000, path="/", httponly=True,
        samesite="strict", secure=request.url.scheme == "https",
    )  # fmt: skip


def drop_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(
        cookie_name(request), path="/", httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip


def local_path(text: str) -> str:
    """Where to go after signing in: a path of ours, or the list."""
    plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"
