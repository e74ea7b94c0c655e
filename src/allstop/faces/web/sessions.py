"""Who is signed in on a browser: sessions, one-time codes, and how often somebody may try."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from allstop.application.ports import Clock
from allstop.domain.moment import Now, between
from allstop.domain.principal import Principal

IDLE_MS = 30 * 60_000
LONGEST_MS = 12 * 3_600_000
CODE_MS = 10 * 60_000
# A link for a phone: it is typed, sent or read from a screen first.
HALTING_CODE_MS = 15 * 60_000
SESSIONS_KEPT = 1_000
CODES_KEPT = 100

TRIES = 10
TRIES_WITHIN_MS = 60_000
PEERS_KEPT = 10_000


@dataclass(slots=True)
class Session:
    """token: digest of the bearer token it was opened with, or empty; times are readings of the clock."""

    principal: Principal
    token: str
    began: Now
    used: Now


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code. Who holds it before `ttl_ms` from `made` may sign in as `principal`.

    place: where it leads, a path of ours.
    """

    principal: Principal
    made: Now
    ttl_ms: int
    place: str


class Sessions:
    """Kept in memory only: a restart signs everybody out. Secrets are kept as SHA-256 digests.

    new_secret: a fresh random text with at least 256 bits.
    """

    def __init__(self, clock: Clock, new_secret: Callable[[], str]) -> None:
        self._clock = clock
        self._new_secret = new_secret
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._codes: OrderedDict[str, Code] = OrderedDict()
        self.throttle = Throttle(clock)
        self.closed = False

    def close(self) -> None:
        """The server is about to stop: live streams end by themselves, within two seconds."""
        self.closed = True

    def begin(self, principal: Principal, token: str = "") -> str:
        """Open a session and return its secret, which is said once. token: see Session."""
        secret, now = self._new_secret(), self._clock.now()
        self._sessions[_digest(secret)] = Session(principal, token, now, now)
        while len(self._sessions) > SESSIONS_KEPT:
            self._sessions.popitem(last=False)
        return secret

    def find(self, secret: str) -> Session | None:
        """The live session of a secret; asking counts as use."""
        key = _digest(secret)
        session = self._sessions.get(key)
        if session is None:
            return None
        now = self._clock.now()
        if _elapsed(session.used, now) >= IDLE_MS or _elapsed(session.began, now) >= LONGEST_MS:
            del self._sessions[key]
            return None
        session.used = now
        self._sessions.move_to_end(key)
        return session

    def end(self, secret: str) -> None:
        self._sessions.pop(_digest(secret), None)

    def end_all(self, principal: str) -> int:
        """Sign a principal such as `person:ada` out everywhere; codes are void too. Returns how many sessions."""
        gone = [key for key, one in self._sessions.items() if str(one.principal) == principal]
        for key in gone:
            del self._sessions[key]
        for key in [key for key, one in self._codes.items() if str(one.principal) == principal]:
            del self._codes[key]
        return len(gone)

    def fresh(self) -> str:
        """A random text nobody can guess."""
        return self._new_secret()

    def new_code(self, principal: Principal, ttl_ms: int = CODE_MS, place: str = "/") -> str:
        """A code for `/enter?code=`, good once and only for a while. place: where it leads."""
        code = self._new_secret()
        self._codes[_digest(code)] = Code(principal, self._clock.now(), ttl_ms, place)
        while len(self._codes) > CODES_KEPT:
            self._codes.popitem(last=False)
        return code

    def place_of(self, code: str) -> str:
        """Where a code that is still good leads; empty for any other. Looking does not use it up."""
        found = self._codes.get(_digest(code))
        if found is None or _elapsed(found.made, self._clock.now()) >= found.ttl_ms:
            return ""
        return found.place

    def redeem(self, code: str) -> Principal | None:
        """Use a code up; None when it is unknown, used or too old."""
        found = self._codes.pop(_digest(code), None)
        if found is None or _elapsed(found.made, self._clock.now()) >= found.ttl_ms:
            return None
        return found.principal


class Throttle:
    """At most TRIES in TRIES_WITHIN_MS for each peer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, deque[int]] = OrderedDict()

    def admit(self, peer: str) -> bool:
        """Whether this peer may try now; a refused attempt does not count."""
        now = self._clock.now().monotonic_ms
        tries = self._tries.setdefault(peer, deque())
        self._tries.move_to_end(peer)
        while tries and now - tries[0] >= TRIES_WITHIN_MS:
            tries.popleft()
        while len(self._tries) > PEERS_KEPT:
            self._tries.popitem(last=False)
        if len(tries) >= TRIES:
            return False
        tries.append(now)
        return True


def _elapsed(start: Now, end: Now) -> int:
    """The longer of the two clocks: one stands still while the machine sleeps, the other can be set."""
    return max(end.monotonic_ms - start.monotonic_ms, between(start.utc, end.utc))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
