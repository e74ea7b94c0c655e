"""Who waits for room: one queue for each site, so that a full host is not looked at again for each service on it.

A site without room is parked under the limit that is full. When that limit has room again, the best of those
parked there may try, and the next one after it: so each attempt is paid for by something that ended or began.
"""

from __future__ import annotations

import heapq

from allstop.domain.fleet.tokens import Limit, Site, Tokens

# Sorts what could go now, see `Ordering.key`: rank, remaining path, name.
Key = tuple[int, int, str]


class Waiting:
    """Services that could go now, each at its site, and the tokens of those that are under way."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._everywhere = tokens.wanted(Site())
        self._places: dict[Site, int] = {}
        self._sites: list[Site] = []
        self._queues: list[list[Key]] = []
        self._parked_at: list[Limit | None] = []
        # Heads of queues that may have room, and under each full limit the heads of those that have none.
        # An entry is old once it is no longer the head of its queue, or its site stands elsewhere.
        self._trying: list[tuple[Key, int]] = []
        self._parked: dict[Limit, list[tuple[Key, int]]] = {}

    def push(self, key: Key, site: Site) -> None:
        """One more that could go."""
        place = self._places.get(site)
        if place is None:
            place = self._places[site] = len(self._sites)
            self._sites.append(site)
            self._queues.append([])
            self._parked_at.append(None)
        queue = self._queues[place]
        heapq.heappush(queue, key)
        if queue[0] is not key:
            return
        limit = self._parked_at[place]
        if limit is None:
            heapq.heappush(self._trying, (key, place))
            return
        heapq.heappush(self._parked[limit], (key, place))
        self._let_try(limit)

    def pop(self) -> tuple[Key, Site] | None:
        """The most urgent one that has room; it takes its tokens. None when nobody has any."""
        tokens = self._tokens
        while self._trying and tokens.full(self._everywhere) is None:
            key, place = heapq.heappop(self._trying)
            if not self._is_head(key, place, None):
                continue
            site, queue = self._sites[place], self._queues[place]
            demand = tokens.wanted(site)
            full = tokens.full(demand)
            if full is None:
                heapq.heappop(queue)
                tokens.take(site)
                if queue:
                    heapq.heappush(self._trying, (queue[0], place))
            else:
                self._parked_at[place] = full
                heapq.heappush(self._parked.setdefault(full, []), (key, place))
            if self._parked:
                for limit in demand:
                    self._let_try(limit)
            if full is None:
                return key, site
        return None

    def give(self, site: Site) -> None:
        """One at this site has ended: its tokens are free."""
        self._tokens.give(site)
        for limit in self._tokens.wanted(site) if self._parked else ():
            self._let_try(limit)

    def _let_try(self, limit: Limit) -> None:
        """The best of those parked under a limit, when it has room."""
        parked = self._parked.get(limit)
        while parked and self._tokens.has((limit,)):
            key, place = heapq.heappop(parked)
            if self._is_head(key, place, limit):
                self._parked_at[place] = None
                heapq.heappush(self._trying, (key, place))
                return

    def _is_head(self, key: Key, place: int, limit: Limit | None) -> bool:
        queue = self._queues[place]
        return bool(queue) and queue[0] == key and self._parked_at[place] == limit
