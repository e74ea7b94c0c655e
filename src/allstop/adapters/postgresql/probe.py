"""Probe `postgres`: whether a server answers, admits, keeps up, is whole, archived and backed up."""

from __future__ import annotations

from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.postgresql.looks import LOOKS, Found, archiver
from allstop.adapters.postgresql.probe_options import PostgresProbeOptions
from allstop.adapters.postgresql.server import Refused, Unsettled
from allstop.adapters.postgresql.session import (
    Lost,
    StatementError,
    TurnedAway,
    Unreachable,
    check_driver,
)
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample

# Data or an index corrupted, a page that fails its checksum; files that cannot be read.
_DAMAGE = ("XX", "58")


class PostgresProbe:
    """See `info`. Raises ModuleNotFoundError when psycopg is missing."""

    info = AdapterInfo(
        name="postgres",
        summary="Sees whether a PostgreSQL server answers, admits, keeps up, is whole, archived and backed up.",
        version="1",
        ports=("probe",),
        probe_options=PostgresProbeOptions,
    )

    def __init__(self) -> None:
        check_driver()
        self._failures: dict[str, int] = {}

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. No answer is bad; a look that could not be taken is neither good nor bad."""
        chosen = read_options(PostgresProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        try:
            good, text, facts = await self._look(chosen, deadline)
        except (Refused, Unsettled) as error:
            return Sample(name, None, one_line(str(error)) or "no end in time"), {}
        except Unreachable as error:
            usable = error.passing or isinstance(error, TurnedAway)
            return Sample(name, False if usable else None, str(error)), {}
        except Lost as error:
            return Sample(name, False, f"{error} ({seconds(timeout_ms)})"), {}
        except StatementError as error:
            # A query that does not run says nothing about the data, unless damage was why.
            damaged = not error.sqlstate or error.sqlstate.startswith(_DAMAGE)
            return Sample(name, False if damaged else None, str(error)), {}
        except (OSError, ValueError) as error:
            return Sample(name, None, one_line(str(error)) or "no end in time"), {}
        return Sample(name, good, one_line(text)), facts

    async def _look(self, options: PostgresProbeOptions, deadline: Deadline) -> Found:
        if options.kind != "archiver":
            return await LOOKS[options.kind](options, deadline)
        count, found = await archiver(options, deadline)
        before, self._failures[options.target] = self._failures.get(options.target), count
        if found[0] and before is not None and count > before:
            return False, f"{count - before} failures since the last look", found[2]
        return found
