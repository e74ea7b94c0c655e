"""Probe `command`: a fixed program, judged by its exit code and its output."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import facts_in
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.programs import Finished, StartError, run
from allstop.adapters.mechanisms.text import decoded, last_line, seconds
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample


class CommandProbeOptions(Options):
    """What to run, and what is good."""

    argv: list[str] = Field(
        min_length=1, title="Program", description="Program and arguments; never a shell."
    )
    cwd: str | None = Field(default=None, title="Folder", description="Where it runs.")
    env: dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Added to a minimal environment (PATH, HOME, TZ, TMPDIR, LANG).",
    )
    expect_exit: int = Field(default=0, title="Exit code", description="The good exit code.")
    expect_output: str = Field(
        default="", title="Output", description="Text that standard output must contain."
    )


class CommandProbe:
    """See `info`."""

    info = AdapterInfo(
        name="command",
        summary="Runs a program and judges exit code and output.",
        version="1",
        ports=("probe",),
        probe_options=CommandProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One run. A JSON object on standard output gives facts.

        A program that does not end in time is bad; one that cannot be started could not run.
        """
        chosen = read_options(CommandProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        try:
            ended = await run(
                chosen.argv,
                cwd=chosen.cwd,
                env=chosen.env,
                timeout_ms=Deadline.within(timeout_ms).left_ms(),
            )
        except StartError as error:
            return Sample(name, None, str(error)), {}
        fault = _fault(chosen, ended, timeout_ms)
        facts: dict[str, Any] = dict(facts_in(ended.output)) if ended.code is not None else {}
        return Sample(name, not fault, fault or f"exit code {ended.code}"), facts


def _fault(options: CommandProbeOptions, ended: Finished, timeout_ms: int) -> str:
    if ended.code is None:
        return f"no answer within {seconds(timeout_ms)}"
    if ended.code != options.expect_exit:
        said = last_line(ended.errors)
        return f"exit code {ended.code}" + (f": {said}" if said else "")
    if options.expect_output not in decoded(ended.output):
        return "the output does not say what it should"
    return ""
