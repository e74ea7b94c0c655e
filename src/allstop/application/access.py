"""Who is behind a request: peers of the Unix socket, and bearer tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from allstop.application.command_post import CommandPost
from allstop.application.ports import Clock, Store
from allstop.domain.moment import after
from allstop.domain.principal import HOST_PREFIX, Kind, Principal, host_principal
from allstop.domain.verdict import nearest
from allstop.errors import Missing, Unauthenticated

TOKEN_DAYS = 90
DAY_MS = 86_400_000


class Access:
    """Maps credentials to principals of the roster. Secrets are kept only as SHA-256 digests.

    login_of: the operating system's user name of a numeric user id, or None; new_secret: fresh
    random secret with at least 256 bits.
    """

    def __init__(
        self,
        post: CommandPost,
        store: Store,
        clock: Clock,
        login_of: Callable[[int], str | None],
        new_secret: Callable[[], str],
    ) -> None:
        self._post = post
        self._store = store
        self._clock = clock
        self._login_of = login_of
        self._new_secret = new_secret
        self._revoked: list[Callable[[str], object]] = []

    def by_peer(self, uid: int) -> Principal:
        """The person whose `login` is the socket peer's user. Raises Unauthenticated."""
        login = self._login_of(uid)
        for person in self._post.book.latest.roster.people:
            if login is not None and person.login == login:
                return Principal(person.id, Kind.PERSON, f"socket peer {login}")
        raise Unauthenticated(
            f"the user {login or uid} is nobody on the roster",
            f"add `login: {login or uid}` to a person in roster.yaml",
        )

    def by_token(self, secret: str) -> Principal:
        """The principal of a live token. Raises Unauthenticated."""
        found = self._store.token(digest_of(secret), self._clock.now().utc)
        if found is None:
            raise Unauthenticated(
                "this token is unknown, revoked or expired", "allstop token new person:NAME"
            )
        kind, _, name = found.partition(":")
        if kind == Kind.PERSON and self._post.book.latest.roster.person(name) is None:
            raise Unauthenticated(
                f"{found} is nobody on the roster any more", "add the person to roster.yaml"
            )
        return Principal(name, Kind(kind), "token")

    async def issue(self, principal: str, days: int = TOKEN_DAYS) -> tuple[str, datetime]:
        """A new secret for a principal such as `person:ada`; it is shown once. Raises Missing."""
        self._check(principal)
        secret = f"allstop_{self._new_secret()}"
        expires = after(self._clock.now().utc, days * DAY_MS)
        await self._store.put_token(digest_of(secret), principal, expires)
        return secret, expires

    async def host_token(self, host: str) -> str:
        """A new secret for a host that was enrolled. It does not expire: no halt may be missed for a date."""
        secret = f"allstop_{self._new_secret()}"
        await self._store.put_token(digest_of(secret), str(host_principal(host)), None)
        return secret

    async def revoke(self, principal: str) -> int:
        """Revoke all tokens of a principal, and end what they opened; returns how many there were."""
        dropped = await self._store.drop_tokens(principal)
        for listener in self._revoked:
            listener(principal)
        return dropped

    def when_revoked(self, listener: Callable[[str], object]) -> None:
        """Call `listener` with a principal whose tokens were revoked, so that sessions end too."""
        self._revoked.append(listener)

    def _check(self, principal: str) -> None:
        kind, _, name = principal.partition(":")
        if name.startswith(HOST_PREFIX):
            raise Missing(f"{principal} is a host", "allstop hosts enrol NAME")
        roster, agents = self._post.book.latest.roster, self._post.world.agents
        people = [person.id for person in roster.people]
        known = {"person": people, "agent": [*agents], "source": [name]}.get(kind)
        if known is None or not name:
            raise Missing(f"{principal} is no principal", "person:NAME, agent:NAME or source:NAME")
        if name not in known:
            raise Missing(f"there is no {kind} {name}", nearest(name, known))


def digest_of(secret: str) -> str:
    """How a secret is stored: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
