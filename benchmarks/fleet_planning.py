"""What planning costs by the size of the fleet: the graph, a blast radius, the order of a stop, a whole preview.

The preview is what somebody waits for who types `allstop plan stop all`: every check, order, step and expected
time, of a fleet for which nothing was drawn yet; and once more, as when the plan is made and started. Beside it, in the same round: graphlib's static order over the same hard dependencies, and networkx's
(descendants, topological sort, graph build) where it is installed; it is no dependency of ours. Rounds are
interleaved, ratios are taken within a round; processor time first, as a busy host stretches it less, then wall time.
The interpreter collects as it does in a coordinator (`bootstrap.settle_memory`), and once more as it does by itself.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from allstop.bootstrap import settle_memory
from allstop.domain.deciding.plan_drawing import draw, drawn_hash
from allstop.domain.fleet import graph as fleet_graph
from allstop.domain.fleet.ordering import importance_rank, stop_order
from allstop.domain.fleet.radius import radius_of
from allstop.domain.plan.asked import Asked
from allstop.domain.planning import offers
from allstop.domain.planning.drawn import Setting
from allstop.domain.policy import Fleet
from tests.domain.fleet.fleets import random_fleet
from tests.domain.fleet.ground import Ground

# How many rounds for each size of the fleet.
SIZES = {200: 21, 10_000: 11, 100_000: 3}
ON_A_HOST = 20
EVERYTHING = Asked("stop", ("all",))
Told = dict[str, dict[str, list[float]]]
Edges = dict[str, list[str]]


def measure() -> dict[str, object]:
    """By size: milliseconds of processor and of wall time (median, lowest, highest), and ratios to the others."""
    return {f"{size} services": _sized(size, rounds) for size, rounds in SIZES.items()}


def _sized(size: int, rounds: int) -> dict[str, object]:
    fleet = placed(random_fleet(7, size))
    subjects = dict(_subjects(fleet))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    as_it_comes: list[tuple[float, float]] = []
    for _ in range(rounds):
        with _settled():
            for name, (prepare, what) in subjects.items():
                prepare()
                taken[name].append(_timed(what))
        _forget_offers()
        as_it_comes.append(_timed(subjects["preview"][1]))
    taken["preview, default collector"] = as_it_comes
    drawn = draw(_asked(fleet))
    return {
        "steps": len(drawn.steps),
        "largest blast radius": _largest(fleet),
        "dependencies": sum(len(service.depends) for service in fleet.services),
        "processor_ms": {name: _spread([one for one, _ in each]) for name, each in taken.items()},
        "wall_ms": {name: _spread([one for _, one in each]) for name, each in taken.items()},
        "ratios": _ratios(taken),
    }


def _largest(fleet: Fleet) -> int:
    names = [service.name for service in fleet.services[:50]]
    return max(len(fleet_graph.blast_radius(fleet, [name])) for name in names)


def placed(fleet: Fleet) -> Fleet:
    """The fleet on hosts, so that the limits of a host have something to limit."""
    hosts = max(1, len(fleet.services) // ON_A_HOST)
    return replace(
        fleet,
        services=tuple(
            replace(service, host=f"h{at % hosts}") for at, service in enumerate(fleet.services)
        ),
    )


def _subjects(
    fleet: Fleet,
) -> Iterator[tuple[str, tuple[Callable[[], object], Callable[[], object]]]]:
    """What is measured, each with what has to be done before."""
    asked = _asked(fleet)
    names = [service.name for service in fleet.services]
    # The one most of the fleet stands on, of those that stand lowest.
    one = max(names[:50], key=lambda name: len(fleet_graph.blast_radius(fleet, [name])))
    rank = importance_rank(fleet)
    edges: Edges = {
        service.name: [edge.to for edge in service.depends if edge.kind == "hard"]
        for service in fleet.services
    }
    yield "graph", (_forget, lambda: fleet_graph.graph_of(fleet))
    yield "blast radius", (_nothing, lambda: fleet_graph.blast_radius(fleet, [one]))
    yield (
        "blast radius with ways and functions",
        (lambda: radius_of(fleet, [one]), lambda: radius_of(fleet, [one])),
    )
    yield "stop order", (_nothing, lambda: stop_order(fleet, names, lambda _: 10_000, rank))
    yield "preview", (_forget_offers, partial(draw, asked))
    yield "preview of a fleet drawn before", (_nothing, partial(draw, asked))
    yield "preview and hash", (_forget_offers, lambda: drawn_hash(draw(asked)))
    yield "graphlib order", (_nothing, lambda: tuple(TopologicalSorter(edges).static_order()))
    if find_spec("networkx") is not None:
        yield from _of_networkx(edges, one)


def _asked(fleet: Fleet) -> Setting:
    """An incident under which all of the fleet is to be stopped."""
    ground = Ground(fleet).declared()
    incident = ground.world.incidents["INC-1"]
    return Setting(ground.world, ground.book.latest, incident, EVERYTHING, ground.now.utc)


def _of_networkx(
    edges: Edges, one: str
) -> Iterator[tuple[str, tuple[Callable[[], object], Callable[[], object]]]]:
    nx: Any = import_module("networkx")

    def built() -> Any:
        graph = nx.DiGraph()
        graph.add_nodes_from(edges)
        graph.add_edges_from((who, whom) for who, needs in edges.items() for whom in needs)
        return graph

    whole = built()
    yield "networkx graph", (_nothing, built)
    yield "networkx ancestors", (_nothing, lambda: nx.ancestors(whole, one))
    yield "networkx order", (_nothing, lambda: list(nx.topological_sort(whole)))


def _forget() -> None:
    fleet_graph._KEPT.clear()  # noqa: SLF001 (what is kept is what must not be measured)


def _forget_offers() -> None:
    offers._KEPT.clear()  # noqa: SLF001 (what is kept is what must not be measured)


def _nothing() -> None:
    pass


@contextmanager
def _settled() -> Iterator[None]:
    """As in a coordinator that has started; afterwards as before."""
    before = gc.get_threshold()
    settle_memory()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _timed(what: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of processor and wall time. What was made is thrown away after the clocks were read."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    made = what()
    spent = 1000 * (time.process_time() - processor), 1000 * (time.perf_counter() - wall)
    del made
    return spent


def _ratios(taken: dict[str, list[tuple[float, float]]]) -> dict[str, list[float]]:
    """Ours to theirs, of processor time within a round."""
    pairs = {
        "stop order to graphlib order": ("stop order", "graphlib order"),
        "preview to graphlib order": ("preview", "graphlib order"),
        "graph to networkx graph": ("graph", "networkx graph"),
        "blast radius to networkx ancestors": ("blast radius", "networkx ancestors"),
        "stop order to networkx order": ("stop order", "networkx order"),
        "default collector to settled": ("preview, default collector", "preview"),
    }
    return {
        name: _spread(
            [mine / theirs for (mine, _), (theirs, _) in zip(taken[one], taken[other], strict=True)]
        )
        for name, (one, other) in pairs.items()
        if one in taken and other in taken
    }


def _spread(found: list[float]) -> list[float]:
    """Median, lowest, highest."""
    return [statistics.median(found), min(found), max(found)]
