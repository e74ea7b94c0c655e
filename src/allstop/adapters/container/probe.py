"""Probe `container`: running, healthy by its own check, paused, or exited."""

from __future__ import annotations

from typing import Any

from allstop.adapters.container.engine import Engine, EngineError, NoSuchError, Seen
from allstop.adapters.container.options import ContainerProbeOptions
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample


class ContainerProbe:
    """See `info`."""

    info = AdapterInfo(
        name="container",
        summary="Looks at a container: running, healthy, paused or exited.",
        version="1",
        ports=("probe",),
        probe_options=ContainerProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. When the engine does not answer, nothing is known about the container."""
        chosen = read_options(ContainerProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        engine = Engine(chosen.socket, Deadline.within(timeout_ms))
        try:
            seen = await engine.inspect(chosen.container)
        except NoSuchError as error:
            # What is not there does not run; but a typing error must not look like an end.
            good = None if chosen.expect == "exited" else False
            return Sample(name, good, str(error)), {}
        except EngineError as error:
            return Sample(name, None, str(error)), {}
        good, text = _judged(chosen, seen)
        return Sample(name, good, one_line(text)), seen.facts()


def _judged(options: ContainerProbeOptions, seen: Seen) -> tuple[bool | None, str]:
    match options.expect:
        case "running":
            return seen.is_up(), f"it is {seen.status}"
        case "paused":
            return seen.paused, f"it is {seen.status}"
        case "healthy":
            if not seen.is_up():
                return False, f"it is {seen.status}"
            if not seen.health:
                return None, "it has no health check"
            return seen.health == "healthy", f"it is {seen.health}"
    if not seen.is_down() or seen.status == "created":
        return False, f"it is {seen.status}"
    if options.exit_code is not None and seen.exit_code != options.exit_code:
        return False, f"it ended with exit code {seen.exit_code}"
    return True, f"it is {seen.status}, with exit code {seen.exit_code}"
