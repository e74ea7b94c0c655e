"""Who waits for whom in a plan, looked up instead of searched for: what one event makes ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from allstop.domain.plan.events import Node, Step

# A step may wait for the end of a node as well: `node:payments` among what it comes after.
NODE = "node:"
# Kinds of steps that hosts and adapters have only so much room for.
TAKING_ROOM = frozenset({"act", "probe"})


@dataclass(frozen=True)
class Routes:
    """The fixed shape of a plan.

    steps, nodes: by id; followers: steps that wait for a step; waiting: nodes that wait for a node;
    of_node: ids of the steps of a node that always run; rescues: those that run when one has failed, by action;
    latent: all of these, in their order.
    """

    steps: dict[str, Step]
    nodes: dict[str, Node]
    followers: dict[str, tuple[str, ...]]
    waiting: dict[str, tuple[str, ...]]
    of_node: dict[str, tuple[str, ...]]
    rescues: dict[str, dict[str, str]]
    latent: dict[str, tuple[str, ...]]

    @cached_property
    def by_urgency(self) -> tuple[Step, ...]:
        """All steps, the most urgent first: by the rank of their node, then by what is left behind it."""

        def urgency(step: Step) -> tuple[int, int, str]:
            node = self.nodes.get(step.node)
            return (node.rank, -node.remaining_ms, step.id) if node is not None else (0, 0, step.id)

        return tuple(sorted(self.steps.values(), key=urgency))

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each step in `by_urgency`."""
        return {step.id: place for place, step in enumerate(self.by_urgency)}

    @cached_property
    def by_force(self) -> tuple[Node, ...]:
        """The nodes that a deadline forces, the first first."""
        forced = (node for node in self.nodes.values() if node.force_ms)
        return tuple(sorted(forced, key=lambda node: node.force_ms))

    @cached_property
    def roomless(self) -> frozenset[str]:
        """The steps that need no room: they start as soon as they are ready."""
        return frozenset(id for id, step in self.steps.items() if step.kind not in TAKING_ROOM)

    def ready(
        self, id: str, step_done: Callable[[str], bool], node_ended: Callable[[str], bool]
    ) -> bool:
        """Whether everything a step waits for has ended."""
        step = self.steps[id]
        node = self.nodes.get(step.node)
        return all(
            node_ended(one[len(NODE) :]) if one.startswith(NODE) else step_done(one)
            for one in step.after
        ) and (node is None or all(node_ended(one) for one in node.after))

    def after_step(self, id: str) -> Iterable[str]:
        """The steps that may have become ready because this one is done."""
        return self.followers.get(id, ())

    def after_node(self, id: str) -> Iterator[str]:
        """The steps that may have become ready because this node has ended."""
        yield from self.followers.get(f"{NODE}{id}", ())
        for one in self.waiting.get(id, ()):
            yield from self.of_node.get(one, ())
        for one in self.of_node.get(id, ()):
            yield from self.followers.get(one, ())


def routes_of(steps: tuple[Step, ...], nodes: tuple[Node, ...]) -> Routes:
    """Built once for a plan."""
    followers: dict[str, list[str]] = {}
    of_node: dict[str, list[str]] = {}
    rescues: dict[str, dict[str, str]] = {}
    latent: dict[str, list[str]] = {}
    for step in steps:
        for earlier in step.after:
            followers.setdefault(earlier, []).append(step.id)
        if step.latent:
            rescues.setdefault(step.node, {})[step.action] = step.id
            latent.setdefault(step.node, []).append(step.id)
            continue
        of_node.setdefault(step.node, []).append(step.id)
    waiting: dict[str, list[str]] = {}
    for node in nodes:
        for one in node.after:
            waiting.setdefault(one, []).append(node.id)
    return Routes(
        {step.id: step for step in steps},
        {node.id: node for node in nodes},
        {id: tuple(found) for id, found in followers.items()},
        {id: tuple(found) for id, found in waiting.items()},
        {id: tuple(found) for id, found in of_node.items()},
        rescues,
        {id: tuple(found) for id, found in latent.items()},
    )
