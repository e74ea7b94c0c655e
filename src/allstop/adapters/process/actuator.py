"""Actuator `process`: stops, kills, starts, freezes and thaws, read back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.pid_file import NoPid
from allstop.adapters.mechanisms.process_handle import UnseenMembersError
from allstop.adapters.mechanisms.programs import StartError
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import ShortWork
from allstop.adapters.process.freezing import freeze, thaw
from allstop.adapters.process.launching import StartUnknownError
from allstop.adapters.process.looking import seen, usable
from allstop.adapters.process.naming import InDoubt
from allstop.adapters.process.options import ProcessOptions, StartOptions
from allstop.adapters.process.signalling import NotTouched
from allstop.adapters.process.starting import restart, start
from allstop.adapters.process.stopping import kill, stop
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown

_THREADS = ShortWork("process", 32)


_Work = Callable[[Effect, ProcessOptions, Deadline, ShortWork], Awaitable[Outcome]]
_WORK: dict[str, _Work] = {
    "stop": stop,
    "kill": kill,
    "start": start,
    "restart": restart,
    "freeze": freeze,
    "thaw": thaw,
}


def _verb(name: str, summary: str, inverse: str = "") -> VerbInfo:
    return VerbInfo(name, summary, Repeat.REPEATABLE, ProcessOptions, inverse)


class Process:
    """See `info`."""

    info = AdapterInfo(
        name="process",
        summary="Stops, kills, starts, freezes and thaws a process of this machine, read back.",
        version="1",
        ports=("actuator",),
        verbs=(
            _verb("stop", "Sends TERM to the group and waits for its end; kills nobody.", "start"),
            _verb("kill", "Kills the group and all that descends from it, sessions of their own "
                          "or not.", "start"),
            VerbInfo("start", "Starts it in a session of its own unless it runs.",
                     Repeat.REPEATABLE, StartOptions, "stop"),
            VerbInfo("restart", "Stops it within its grace, then starts it.",
                     Repeat.PROBE, StartOptions),
            _verb("freeze", "Stops every process of it with SIGSTOP; memory is kept.", "thaw"),
            _verb("thaw", "Lets every frozen process of it go on.", "freeze"),
        ),
    )  # fmt: skip

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Carry out one order. Orders are fenced: a number lower than one seen is refused."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        assert isinstance(options, ProcessOptions)
        work = _WORK[effect.verb]
        try:
            return await work(effect, options, Deadline.within(effect.timeout_ms), _THREADS)
        except InDoubt as error:
            return failed(one_line(f"{error}; it was not touched"))
        except (NewerOrder, NoPid, Unreadable, StartError, NotTouched) as error:
            return failed(one_line(str(error)))
        except (StartUnknownError, UnseenMembersError) as error:
            return unknown(one_line(str(error)))
        except TimeoutError as error:
            # With a text it was the lock, and nothing has happened yet.
            within = seconds(effect.timeout_ms)
            return retry(one_line(str(error))) if str(error) else unknown(f"no end within {within}")
        except OSError as error:
            return failed(one_line(str(error)))

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the process is in the state that the order asks for."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        assert isinstance(options, ProcessOptions)
        chosen = options
        try:
            return await _THREADS.run(lambda: seen(effect, chosen), effect.timeout_ms)
        except NoPid as error:
            return failed(one_line(str(error)))
        except (InDoubt, Unreadable, OSError) as error:
            return unknown(one_line(str(error)) or "it does not answer in time")

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the process is found, and what starts it is there; nothing is signalled."""
        chosen = read_options(ProcessOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            return await _THREADS.run(lambda: usable(chosen), timeout_ms)
        except (NoPid, InDoubt, Unreadable) as error:
            return failed(one_line(str(error)))
        except TimeoutError:
            return unknown(f"no end within {seconds(timeout_ms)}")

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """The same for one verb: what is to be started need not be there yet."""
        info = self.info.verb(verb)
        chosen = read_options(info.options, options) if info else f"no verb {verb}"
        if isinstance(chosen, str):
            return failed(chosen)
        assert isinstance(chosen, ProcessOptions)
        found = chosen
        try:
            return await _THREADS.run(lambda: usable(found), timeout_ms)
        except NoPid as error:
            text = one_line(str(error))
            return done(f"it can be started; {text}") if verb == "start" else failed(text)
        except (InDoubt, Unreadable) as error:
            return failed(one_line(str(error)))
        except TimeoutError:
            return unknown(f"no end within {seconds(timeout_ms)}")
