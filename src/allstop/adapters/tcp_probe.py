"""Probe `tcp`: whether a port takes connections, or provably does not."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from typing import Any, Literal

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import decoded, one_line, seconds
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample

_LONGEST_GREETING = 4096


class TcpProbeOptions(Options):
    """Where to connect, and what is good."""

    host: str = Field(min_length=1, title="Host", description="Name or address.")
    port: int = Field(ge=1, le=65_535, title="Port", description="TCP port.")
    expect: Literal["open", "closed"] = Field(
        default="open",
        title="Expected",
        description="closed: good when the connection is refused; silence proves neither.",
    )
    greeting: str = Field(
        default="",
        title="Greeting",
        description="Text the other side must send first; identifies who answers.",
    )


class TcpProbe:
    """See `info`."""

    info = AdapterInfo(
        name="tcp",
        summary="Connects to a port; good when it is open (or closed), and the greeting is right.",
        version="1",
        ports=("probe",),
        probe_options=TcpProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One connection, closed again at once."""
        chosen = read_options(TcpProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        is_open, text = await _connect(chosen, deadline, seconds(timeout_ms))
        if chosen.expect == "open":
            return Sample(name, bool(is_open), text), {}
        return Sample(name, None if is_open is None else not is_open, text), {}


async def _connect(
    options: TcpProbeOptions, deadline: Deadline, allowed: str
) -> tuple[bool | None, str]:
    """open (True), refused (False), or neither is proven (None); and what was seen."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(deadline.left_ms() / 1000):
            reader, writer = await asyncio.open_connection(options.host, options.port)
            if not options.greeting:
                return True, "connected"
            heard = await _listen(reader, options.greeting.encode())
    except TimeoutError:
        return None, f"no {'greeting' if writer else 'connection'} within {allowed}"
    except OSError as error:
        return _refused(error)
    except ValueError as error:  # a host name that cannot be one
        return None, one_line(f"not a host: {error}")
    finally:
        if writer is not None:
            with contextlib.suppress(OSError, RuntimeError):
                writer.transport.abort()
    if options.greeting.encode() in heard:
        return True, "connected, greeted as expected"
    return None, one_line(f"greeted otherwise: {decoded(heard)!r}", 120)


async def _listen(reader: asyncio.StreamReader, wanted: bytes) -> bytes:
    heard = b""
    while wanted not in heard and len(heard) < _LONGEST_GREETING:
        chunk = await reader.read(_LONGEST_GREETING)
        if not chunk:
            break
        heard += chunk
    return heard


def _refused(error: OSError) -> tuple[bool | None, str]:
    # Several addresses of one name give one error whose text lists them all.
    if isinstance(error, ConnectionRefusedError) or "Errno 111" in str(error):
        return False, "connection refused"
    if isinstance(error, socket.gaierror):
        return None, "the host's name is not known"
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return None, "no route to the host"
    return None, one_line(str(error))
