"""Every command's name, where it is written, and what it does: help is printed from this table alone."""

from __future__ import annotations

from typing import NamedTuple

_HERE = "allstop.faces.cli."


class Entry(NamedTuple):
    """target: `module:attribute` below this package; help: the command's first sentence."""

    section: str
    target: str
    help: str


LOOK, RESPOND, AGENTS, DECIDE, FINISH, RUN, PROJECT = (
    "Look", "Respond", "Stop agents", "Decide", "Finish", "Run Allstop", "Set up"
)  # fmt: skip

# fmt: off
COMMANDS: dict[str, Entry] = {
    "status": Entry(LOOK, "overview:status", "How bad is it: incidents, halts, services and agents."),
    "show": Entry(LOOK, "looking:show", "One incident: what fails, who commands, what it waits for."),
    "timeline": Entry(LOOK, "looking:timeline", "What happened in an incident, in order."),
    "services": Entry(LOOK, "fleet:services", "The services, and what their probes say."),
    "evidence": Entry(LOOK, "fleet:evidence", "Print a piece of evidence by its SHA-256."),
    "log": Entry(LOOK, "record:log", "The record of everything, newest last."),
    "declare": Entry(RESPOND, "responding:declare", "Declare an incident."),
    "ack": Entry(RESPOND, "responding:ack", "Say that you have it."),
    "update": Entry(RESPOND, "responding:update", "Post an update on the incident."),
    "note": Entry(RESPOND, "responding:note", "Add a note to the timeline."),
    "state": Entry(RESPOND, "responding:state", "State something the protocol asks for, such as the cause."),
    "severity": Entry(RESPOND, "responding:severity", "Set the severity by hand."),
    "assign": Entry(RESPOND, "team:assign", "Give a role to a person."),
    "handoff": Entry(RESPOND, "team:handoff", "Offer a role to somebody, or accept the one offered to you."),
    "halt": Entry(AGENTS, "halts:halt", "Order agents to stop."),
    "rollcall": Entry(AGENTS, "halts:rollcall", "Who has stopped, by what evidence, and who has not."),
    "release": Entry(AGENTS, "halts:release", "Lift a halt."),
    "agents": Entry(AGENTS, "fleet:agents", "The agents, and which halts hold them."),
    "approve": Entry(DECIDE, "deciding:approve", "Approve a plan, or the stand-down."),
    "override": Entry(DECIDE, "deciding:override", "Set a criterion aside, with a reason, on the record."),
    "remedy": Entry(DECIDE, "deciding:remedy", "Roll back, fix or investigate: overrule the decision table."),
    "plans": Entry(DECIDE, "plans:plans", "The plans of an incident."),
    "plan": Entry(DECIDE, "plans:plan", "Look at one plan, retry or settle its steps, abandon it."),
    "advance": Entry(DECIDE, "deciding:advance", "Enter the next phase."),
    "stand-down": Entry(FINISH, "finishing:stand_down", "End the incident."),
    "report": Entry(FINISH, "finishing:report", "Print the incident report, or file it."),
    "up": Entry(RUN, "lifecycle:up", "Start the coordinator."),
    "down": Entry(RUN, "lifecycle:down", "Stop the coordinator; services and agents go on as they are."),
    "reload": Entry(RUN, "lifecycle:reload", "Take changed documents for incidents declared from now on."),
    "open": Entry(RUN, "access:console", "Print a link that opens the web console, once."),
    "doctor": Entry(RUN, "doctor:doctor", "Look for what would fail in an emergency."),
    "audit": Entry(RUN, "record:audit", "Verify the record."),
    "refusals": Entry(RUN, "record:refusals", "What was refused, to whom, and why."),
    "effects": Entry(RUN, "record:effects", "Requests to the world, and how they ended."),
    "init": Entry(PROJECT, "project:init", "Make a project folder with documents to begin with."),
    "protocol": Entry(PROJECT, "protocols:protocol", "Look at protocols, check, compare and rehearse them."),
    "adapters": Entry(PROJECT, "fleet:adapters", "What Allstop can talk to, and what cannot be used."),
    "token": Entry(PROJECT, "access:token", "Make or revoke tokens for programs and agents."),
    "completion": Entry(PROJECT, "completion:completion", "Print completion for your shell."),
    "version": Entry(PROJECT, "project:version", "Print the version."),
}
# fmt: on

# First sentences of commands that others bring (see `run`); without one they are listed by name only.
EXTRA_HELP = {"demo": "Watch Allstop handle an emergency in a small fleet of real processes."}


def table(extra: dict[str, str]) -> dict[str, Entry]:
    """All commands; extra: `module:attribute` by name."""
    ours = {name: entry._replace(target=_HERE + entry.target) for name, entry in COMMANDS.items()}
    return ours | {
        name: Entry(PROJECT, target, EXTRA_HELP.get(name, "")) for name, target in extra.items()
    }
