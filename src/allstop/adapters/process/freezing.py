"""The verbs `freeze` and `thaw`."""

from __future__ import annotations

from collections.abc import Callable

from allstop.adapters.mechanisms import freezing
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import ReadBack
from allstop.adapters.mechanisms.order_record import claim
from allstop.adapters.mechanisms.process_tree import Kin
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.mechanisms.threads import ShortWork
from allstop.adapters.process.looking import tree_of
from allstop.adapters.process.options import ProcessOptions
from allstop.adapters.process.tree import OwnedTree, counted
from allstop.domain.effects import Effect, Outcome, done, failed
from allstop.domain.policy.tables import Scalar


async def freeze(
    effect: Effect, options: ProcessOptions, deadline: Deadline, threads: ShortWork
) -> Outcome:
    """SIGSTOP to every process of it, read back."""
    work = _walk(effect, options, deadline, freezing.freeze, ends=True)
    tree, seen = await threads.by(deadline, work)
    facts: dict[str, Scalar] = {"processes": seen.processes, "sessions": seen.sessions}
    if seen.unruly:
        return failed(one_line("not frozen: " + ", ".join(seen.unruly)), facts)
    if tree.loose:
        return failed(one_line(tree.doubt()), facts)
    if not seen.processes:
        return done(one_line(f"{tree.named.why}; nothing is left to freeze"), facts)
    return done(f"{counted(seen.processes)} frozen, read back", facts)


async def thaw(
    effect: Effect, options: ProcessOptions, deadline: Deadline, threads: ShortWork
) -> Outcome:
    """SIGCONT to every frozen process of it, read back."""
    work = _walk(effect, options, deadline, freezing.thaw, ends=False)
    tree, seen = await threads.by(deadline, work)
    facts: dict[str, Scalar] = {"processes": seen.processes, "sessions": seen.sessions}
    if seen.unruly:
        return failed(one_line("still frozen: " + ", ".join(seen.unruly)), facts)
    if tree.named.process is None:
        return failed(one_line(f"{tree.named.why}; there is nothing to thaw"), facts)
    return done(f"{counted(seen.processes)} awake, read back", facts)


def _walk(
    effect: Effect,
    options: ProcessOptions,
    deadline: Deadline,
    walk: Callable[[Kin, Deadline], ReadBack],
    *,
    ends: bool,
) -> Callable[[], tuple[OwnedTree, ReadBack]]:
    def work() -> tuple[OwnedTree, ReadBack]:
        standing = claim(options.order_path(), effect.epoch, deadline, ends=ends)
        tree = tree_of(options, standing.notes)
        seen = [walk(kin, deadline) for kin in tree.kins]
        unruly = tuple(name for one in seen for name in one.unruly)
        processes, spread = sum(one.processes for one in seen), sum(one.sessions for one in seen)
        return tree, ReadBack(processes, spread, unruly)

    return work
