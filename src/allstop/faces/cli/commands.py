"""Every command's name, where it is written, and what it does: help is printed from this table alone."""

from __future__ import annotations

from typing import NamedTuple

_HERE = "allstop.faces.cli."


class Entry(NamedTuple):
    """target: `module:attribute` below this package; help: the command's first sentence."""

    section: str
    target: str
    help: str


LOOK, RESPOND, WORK, AGENTS, DECIDE, FINISH, AFTER, RUN, PROJECT = (
    "Look", "Respond", "Work", "Stop agents", "Decide", "Finish", "Afterwards", "Run Allstop", "Set up"
)  # fmt: skip

# fmt: off
COMMANDS: dict[str, Entry] = {
    "status": Entry(LOOK, "overview:status", "How bad is it: incidents, halts, services and agents."),
    "show": Entry(LOOK, "looking:show", "One incident: what fails, who commands, what it waits for."),
    "read-in": Entry(LOOK, "standing:read_in", "What somebody who joins late has to know."),
    "timeline": Entry(LOOK, "looking:timeline", "What happened in an incident, in order."),
    "services": Entry(LOOK, "fleet:services", "The services, and what their probes say."),
    "fleet": Entry(LOOK, "fleet_tools:fleet", "The services as a whole: check, draw, import them; what is lost with one."),
    "evidence": Entry(LOOK, "fleet:evidence", "Print a piece of evidence by its SHA-256."),
    "log": Entry(LOOK, "record:log", "The record of everything, newest last."),
    "propose": Entry(RESPOND, "proposing:propose", "Hand in a message or an alert that looks like an emergency."),
    "proposals": Entry(RESPOND, "proposing:proposals", "What was proposed as an emergency and waits for an answer."),
    "confirm": Entry(RESPOND, "proposing:confirm", "Declare what was proposed."),
    "dismiss": Entry(RESPOND, "proposing:dismiss", "Say that a proposal is no emergency."),
    "declare": Entry(RESPOND, "responding:declare", "Declare an incident."),
    "ack": Entry(RESPOND, "responding:ack", "Say that you have it."),
    "triage": Entry(RESPOND, "responding:triage", "Say that it is real and how bad, or that it is a false alarm."),
    "update": Entry(RESPOND, "responding:update", "Post an update on the incident."),
    "impact": Entry(RESPOND, "responding:impact", "Report what is newly known of the impact."),
    "severity": Entry(RESPOND, "responding:severity", "Set the severity by hand."),
    "note": Entry(RESPOND, "responding:note", "Add a note to the timeline."),
    "assign": Entry(RESPOND, "team:assign", "Give a role to a person."),
    "handoff": Entry(RESPOND, "team:handoff", "Offer a role to somebody, or accept the one offered to you."),
    "link": Entry(RESPOND, "kinship:link", "Link it to another incident."),
    "merge": Entry(RESPOND, "kinship:merge", "Let the response go on in another incident; this one ends."),
    "private": Entry(RESPOND, "kinship:private", "Make it private: only whoever takes part may read it."),
    "public": Entry(RESPOND, "kinship:public", "Make a private incident readable for everybody again."),
    "forms": Entry(WORK, "forms:forms", "The protocol's forms: what is filed and what is missing."),
    "fill": Entry(WORK, "forms:fill", "Fill in a form of the protocol and file it."),
    "state": Entry(WORK, "responding:state", "State something the protocol asks for, such as the cause."),
    "tasks": Entry(WORK, "working:tasks", "The tasks of an incident that are open."),
    "task": Entry(WORK, "working:task", "Add, give away, end tasks; by itself it lists them."),
    "crew": Entry(WORK, "crewing:crew", "The crews of an incident: who is in them, who is proposed."),
    "diagnose": Entry(WORK, "diagnosing:diagnose", "Look at services by recipes that only read, and keep what is seen as evidence."),
    "found": Entry(WORK, "working:found", "Add evidence by hand: what you saw, or what you suspect."),
    "facts": Entry(WORK, "working:facts", "State facts for the decision table."),
    "correct": Entry(WORK, "kinship:correct", "Correct an entry of the timeline; the original stays beside it."),
    "mode": Entry(WORK, "modes:mode", "Emergency mode: what is suspended or allowed, until when."),
    "halt": Entry(AGENTS, "halts:halt", "Order agents to stop."),
    "rollcall": Entry(AGENTS, "halts:rollcall", "Who has stopped, by what evidence, and who has not."),
    "answer": Entry(AGENTS, "halts:answer", "Answer a roll call for an agent."),
    "release": Entry(AGENTS, "halts:release", "Lift a halt."),
    "key": Entry(AGENTS, "keys:key", "Release keys: make one, see and pin public ones."),
    "hosts": Entry(AGENTS, "hosts:hosts", "The hosts that follow standing orders, and how far each has come; enrol them."),
    "host": Entry(AGENTS, "host:host", "The process on a machine with agents: what stands here, who is held; join, run, halt without a coordinator."),
    "run": Entry(AGENTS, "running:run", "Start an agent in a control group of its own, registered, so that a halt reaches all of it."),
    "mcp": Entry(AGENTS, "mcp:mcp", "Serve agents over the Model Context Protocol: report, ask, propose."),
    "agents": Entry(AGENTS, "agents:agents", "The agents, and which halts hold them: also puts the gate into their clients, and proves it."),
    "plans": Entry(DECIDE, "plans:plans", "The plans of an incident."),
    "plan": Entry(DECIDE, "plans:plan", "Plan a change of the fleet, look at it, run it, steer it."),
    "playbook": Entry(DECIDE, "playbooks:playbook", "The playbooks: which there are, and what each of them does."),
    "lever": Entry(DECIDE, "levers:lever", "Ways to do with less: which are pulled, and until when."),
    "circuit": Entry(DECIDE, "circuits:circuit", "Circuits of calls to services, and breakers of the fleet: what is open, until when."),
    "change": Entry(DECIDE, "changing:change", "Changes by hand: who must agree, what became of them."),
    "preflight": Entry(DECIDE, "preflight:preflight", "Run the protocol's checks before anything is executed."),
    "approve": Entry(DECIDE, "deciding:approve", "Approve a plan, a change by hand, or the stand-down."),
    "override": Entry(DECIDE, "deciding:override", "Let through what stands in the way, with a reason, on the record."),
    "remedy": Entry(DECIDE, "deciding:remedy", "Roll back, fix or investigate: overrule the decision table."),
    "advance": Entry(DECIDE, "deciding:advance", "Enter the next phase."),
    "stand-down": Entry(FINISH, "finishing:stand_down", "End the incident."),
    "report": Entry(FINISH, "finishing:report", "Print the incident report or the post-mortem, or file the report."),
    "reopen": Entry(FINISH, "kinship:reopen", "Open it again, because it came back."),
    "owed": Entry(AFTER, "owing:owed", "What is owed, and what is missing before it may be closed."),
    "met": Entry(AFTER, "owing:met", "Say that something owed was done, and how."),
    "meeting": Entry(AFTER, "owing:meeting", "Move the meeting of something owed."),
    "action": Entry(AFTER, "owing:action", "Action items: what is to be mended, by whom, until when."),
    "close": Entry(AFTER, "kinship:close", "Close it, once all that the protocol asks for before closing is there."),
    "points": Entry(AFTER, "standing:points", "The points of the teams, and what they were given for."),
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
