"""Probe `flag-file`: whether a flag is on, or off and on record as off."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from allstop.adapters.flags.document import Damaged, Flag, is_on, missing, place_of, read_document
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_LOOKS: HangingLooks[tuple[bool | None, str, dict[str, Scalar]]] = HangingLooks()


class FlagProbeOptions(Options):
    """Which flag, and how it should be."""

    path: str = Field(
        min_length=1,
        title="Path",
        description="File with flags, or folder with a file NAME.json for each.",
    )
    flag: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", title="Flag", description="Its name, exactly."
    )
    expect: Literal["on", "off"] = Field(
        title="Expected",
        description="off: good only where the file says off. A damaged file reads as off too, but proves nothing.",
    )


class FlagProbe:
    """See `info`."""

    info = AdapterInfo(
        name="flag-file",
        summary="Reads a feature flag as applications do.",
        version="1",
        ports=("probe",),
        probe_options=FlagProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One reading. A flag that does not exist, or a file without sense, is never good."""
        chosen = read_options(FlagProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        left_ms = Deadline.within(timeout_ms).left_ms()
        try:
            good, text, facts = await _LOOKS.look(chosen, lambda: _read(chosen), left_ms)
        except TimeoutError:
            return Sample(name, None, f"the file cannot be read within {seconds(timeout_ms)}"), {}
        except (StillLookingError, OSError, ValueError, RuntimeError) as error:
            return Sample(name, None, one_line(str(error))), {}
        return Sample(name, good, one_line(text)), facts


def _read(options: FlagProbeOptions) -> tuple[bool | None, str, dict[str, Scalar]]:
    place = place_of(options.path, options.flag)
    wanted, seen = options.expect == "on", is_on(options.path, options.flag)
    try:
        document = read_document(place)
        records = place.records(document)
        if place.name not in records:
            return None, f"{missing(place, document)}: it reads as off", {}
        flag = Flag.read(records[place.name])
    except FileNotFoundError:
        return None, f"no flag file {place.file}: it reads as off", {}
    except Damaged as error:
        # Off is what applications take it for; that somebody wants it off stands nowhere.
        return (False if wanted else None), f"{error}: it reads as off", {"on": seen}
    facts: dict[str, Scalar] = {
        "on": seen,
        "epoch": flag.epoch,
        "reason": flag.reason,
        "at": flag.at,
    }
    since = f" since {flag.at}" if flag.at else ""
    why = f": {flag.reason}" if flag.reason else ""
    return seen is wanted, f"{place.name} is {'on' if seen else 'off'}{since}{why}", facts
