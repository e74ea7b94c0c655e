"""Probe `ssh`: a fixed command on another machine, judged by its exit code and its output."""

from __future__ import annotations

from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import facts_in
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import decoded, last_line
from allstop.adapters.ssh.login import NotSent, check_library
from allstop.adapters.ssh.options import SshProbeOptions
from allstop.adapters.ssh.running import Ended, Unclear, run
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample


class SshProbe:
    """See `info`. Raises ModuleNotFoundError when asyncssh is missing."""

    info = AdapterInfo(
        name="ssh",
        summary="Runs a command over SSH and judges exit code and output.",
        version="1",
        ports=("probe",),
        probe_options=SshProbeOptions,
    )

    def __init__(self) -> None:
        check_library()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One run. A JSON object on standard output gives facts.

        A command that does not end in time is bad; when it could not be sent, nothing is known.
        """
        chosen = read_options(SshProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        order = {"ALLSTOP_TIMEOUT": str(max(1, timeout_ms // 1000))}
        try:
            ended = await run(chosen.place(), chosen.line(order), Deadline.within(timeout_ms))
        except NotSent as error:
            return Sample(name, None, str(error)), {}
        except Unclear as error:
            return Sample(name, False, str(error)), {}
        fault = _fault(chosen, ended)
        return Sample(name, not fault, fault or f"exit code {ended.code}"), facts_in(ended.output)


def _fault(options: SshProbeOptions, ended: Ended) -> str:
    if ended.code != options.expect_exit:
        said = last_line(ended.errors)
        return f"exit code {ended.code}" + (f": {said}" if said else "")
    if options.expect_output not in decoded(ended.output):
        return "the output does not say what it should"
    return ""
