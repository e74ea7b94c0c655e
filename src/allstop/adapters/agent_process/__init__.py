"""Agent runtime `agent-process`: an agent that is a process tree, a halt file and a work tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from allstop.adapters.agent_process.confirming import confirm
from allstop.adapters.agent_process.holding import freeze, kill, resume, write_down
from allstop.adapters.agent_process.options import AgentProcessOptions, in_thread, kin_of
from allstop.adapters.mechanisms.cgroups import NoGroup
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.git import GitError, GitTimeoutError
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable, read_order
from allstop.adapters.mechanisms.pid_file import NoPid
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown


def _verb(name: str, summary: str, inverse: str = "", read_only: bool = False) -> VerbInfo:
    return VerbInfo(name, summary, Repeat.REPEATABLE, AgentProcessOptions, inverse, read_only)


class AgentProcess:
    """See `info`."""

    info = AdapterInfo(
        name="agent-process",
        summary="Tells, checks, freezes and resumes an agent that runs on this machine.",
        version="1",
        ports=("agent", "actuator"),
        verbs=(
            _verb("tell", "Writes the order to stop into the halt file.", "resume"),
            _verb("confirm", "Checks the agent's answer against its work tree.", read_only=True),
            _verb("freeze", "Stops every process of the agent and reads it back.", "resume"),
            _verb("kill", "Ends every process of the agent and reads back that none is left."),
            _verb("resume", "Writes that the agent may go on, and wakes its processes."),
        ),
        proofs=("worktree", "pid_file"),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Carry out one order. Orders are fenced: a number lower than the file's is refused."""
        options = read_options(AgentProcessOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        work = {"tell": tell, "confirm": confirm, "freeze": freeze, "kill": kill, "resume": resume}
        if effect.verb not in work:
            return failed(f"no verb {effect.verb}")
        deadline = Deadline.within(effect.timeout_ms)
        try:
            return await work[effect.verb](effect, options, deadline)
        except NewerOrder as error:
            return failed(str(error))
        except (Unreadable, NoPid, NoGroup, GitError) as error:
            return failed(one_line(str(error)))
        except (TimeoutError, GitTimeoutError):
            return retry(f"no end within {seconds(effect.timeout_ms)}")
        except OSError as error:
            return failed(one_line(str(error)))

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the agent could be told to stop and found, without telling it anything."""
        chosen = read_options(AgentProcessOptions, options)
        return failed(chosen) if isinstance(chosen, str) else await reach(chosen, timeout_ms)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the order stands in the halt file; the processes are read by acting again."""
        options = read_options(AgentProcessOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        if effect.verb not in ("tell", "resume"):
            return failed("it leaves no mark; doing it again does no harm")
        try:
            standing = await in_thread(lambda: read_order(Path(options.halt_file)), 2000)
        except (Unreadable, TimeoutError) as error:
            return unknown(one_line(str(error)) or "the file system does not answer")
        halted = effect.verb == "tell"
        if standing and (standing.seq, standing.halted) == (effect.epoch, halted) and halted:
            return done("the halt file holds this order")
        # A resume is more than its file: the processes may still be stopped.
        return failed("the order does not stand, or not all of it")


async def reach(options: AgentProcessOptions, timeout_ms: int) -> Outcome:
    """Whether the order could be delivered, and the processes found by whoever had to stop them."""

    def look() -> Outcome:
        folder = Path(options.halt_file).parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            return failed(f"{folder} is no folder that can be written, so the order cannot be")
        if not options.pid_file and not options.env_mark:
            return done("the halt file can be written; no process is configured")
        kin, found = kin_of(options)
        if found is not None and found.stranger and kin.mark is None:
            return failed(f"{found.words()}, so the agent could not be stopped")
        seen = found.words() if found is not None else "found by its mark alone"
        return done(one_line(f"the halt file can be written; {seen}"))

    try:
        return await in_thread(look, timeout_ms)
    except TimeoutError:
        return unknown(f"no end within {seconds(timeout_ms)}")
    except (NoPid, OSError, ValueError) as error:
        return failed(one_line(str(error)))


async def tell(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    if not options.halt.strip():
        return failed("the order names no halt")
    await write_down(effect, options, deadline, halted=True)
    return done(f"halt file written and read back, order {effect.epoch}")
