"""Probe `model-key`: whether a key is blocked, or can be used, as its provider says."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.http_calls import NoAnswer, call
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.adapters.model_key.providers import KeyOptions, asking, secret_in, standing
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample


class KeyProbeOptions(KeyOptions):
    """Which key, and how it should stand."""

    blocked: bool = Field(
        default=False, title="Blocked", description="Whether it is good that the key is blocked."
    )


class ModelKeyProbe:
    """See `info`."""

    info = AdapterInfo(
        name="model-key",
        summary="Asks the provider whether a key is blocked.",
        version="1",
        ports=("probe",),
        probe_options=KeyProbeOptions,
    )

    def __init__(self) -> None:
        self._secrets = HangingLooks[str]()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. A provider that cannot be asked says nothing about the key."""
        chosen = read_options(KeyProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        path = chosen.token_file
        try:
            token = await self._secrets.look(path, lambda: secret_in(path), deadline.left_ms())
        except (OSError, ValueError, StillLookingError) as error:
            why = str(error) or "the file system does not answer"
            return Sample(
                name, None, one_line(f"the administrator's key cannot be read: {why}")
            ), {}
        answer = await call(asking(chosen, token, deadline))
        if isinstance(answer, NoAnswer):
            return Sample(name, None, answer.because), {}
        found = standing(chosen, answer)
        if isinstance(found, str):
            return Sample(name, None, one_line(found)), {}
        if found.blocked is None:
            return Sample(name, None, f"the provider says {found.word}"), {}
        good = found.blocked is chosen.blocked
        return Sample(name, good, f"the key is {found.word}"), {"status": found.word}
