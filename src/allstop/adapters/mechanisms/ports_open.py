"""Whether a TCP port takes connections, or provably does not."""

from __future__ import annotations

import asyncio
import socket

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import one_line


async def reaches(host: str, port: int, deadline: Deadline) -> tuple[bool | None, str]:
    """open (True), refused (False), or neither is proven (None); and what was seen. Never raises."""
    try:
        async with asyncio.timeout(deadline.left_ms() / 1000):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return None, "no answer in time"
    except socket.gaierror:
        return None, "the host's name is not known"
    except OSError as error:
        # Several addresses of one name give one error whose text lists them all.
        if isinstance(error, ConnectionRefusedError) or "Errno 111" in str(error):
            return False, "connection refused"
        return None, one_line(str(error))
    except ValueError as error:  # a host name that cannot be one
        return None, one_line(f"not a host: {error}")
    writer.transport.abort()
    return True, "open"
