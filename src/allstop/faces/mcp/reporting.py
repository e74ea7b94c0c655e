"""The tools that tell something: answers, proposals, progress. None of them decides anything."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from allstop.errors import Invalid
from allstop.faces.mcp import shapes as s
from allstop.faces.mcp.arguments import (
    ActionId,
    ActionKind,
    AgentId,
    HaltId,
    IncidentId,
    Items,
    Line,
    Name,
    Outcome,
    ReportedImpact,
    Status,
    StoppedAs,
    Title,
)
from allstop.faces.mcp.asking import Coordinator, NotDone
from allstop.faces.mcp.reading import own_name
from allstop.faces.mcp.untrusted import LINE, clean, cleaned, word

# What one line of the roll call holds.
LONGEST_ANSWER = 500
ANSWERED = "Do nothing more until your tool calls are let through again."
ASKED = "People are asked now; one of them declares it, or says that it is none. Nothing was stopped by this."
NOTED = "An incident for it is open already and has this as a note."
MAY = "You may make it now. Say what came of it with action_result."
WAIT = "Do not make it yet. Look with my_assignment whether it is approved; approvals reach you by no other way."
PHRASES = 20


class Reporting:
    """See each tool; its docstring is what agents are told of it."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._ask = coordinator

    async def report_status(  # noqa: PLR0913, PLR0917 - agents see each of them as a field
        self,
        halt_id: HaltId,
        state: StoppedAs,
        working_on: Line,
        last_step: Line = "",
        side_effects: Items = [],  # noqa: B006 - never changed; the schema shows it as the default
        checkpoint: Annotated[str, Field(max_length=100)] = "",
        branch: Annotated[str, Field(max_length=200)] = "",
        resume_handle: Annotated[str, Field(max_length=100)] = "",
        *,
        available: bool = False,
        agent_id: AgentId = "",
    ) -> s.Answered:  # fmt: skip
        """Answer the roll call of a halt, for yourself. working_on: your task; side_effects: what you left half done outside the work tree (running jobs, open migrations, sent requests); checkpoint: the commit your work is saved in; available: you could help in the incident. It is checked against the work tree: say what is true."""
        agent = own_name(agent_id)
        told = [working_on, f"last step: {last_step}" if last_step else ""]
        told += [f"half done: {', '.join(side_effects)}" if side_effects else ""]
        told += [f"resume: {resume_handle}" if resume_handle else ""]
        text = "; ".join(one for one in told if one)
        if len(text) > LONGEST_ANSWER:
            raise Invalid(
                f"together that is {len(text)} characters, and an answer holds {LONGEST_ANSWER}",
                "say it shorter; what has to be long goes into post_update",
            )
        body = {
            "halt": halt_id, "state": state, "working_on": text, "checkpoint": checkpoint, "branch": branch,
            "available": available,
        }  # fmt: skip
        said = await self._ask.change("answer", body, agent=agent)
        return s.Answered(
            halt=halt_id, agent=agent, state=word(said.get("state")), what_to_do=ANSWERED
        )

    async def declare_incident(
        self,
        title: Title,
        impact: ReportedImpact = ReportedImpact(),  # noqa: B008 - frozen
        services: Annotated[list[Name], Field(max_length=20)] = [],  # noqa: B006 - never changed
        evidence: Items = [],  # noqa: B006 - never changed
    ) -> s.Proposed:
        """Say that something looks like an emergency. People are asked and decide; nothing is stopped by it. The protocol knows an emergency by certain words: when it is refused as no-trigger, the answer names them. evidence: what you saw, with times."""
        told = [title]
        told += [f"Impact as seen: {words}" if (words := impact.words()) else ""]
        told += [f"Evidence: {' | '.join(evidence)}" if evidence else ""]
        body = {"text": "\n".join(one for one in told if one), "services": services}
        try:
            said = await self._ask.change("propose", body)
        except NotDone as error:
            if error.codes == ["no-trigger"]:
                raise await self._no_trigger() from None
            raise
        proposal = word(said.get("proposal"))
        return s.Proposed(
            proposal=proposal,
            incident=word(said.get("incident")),
            what_happens_next=ASKED if proposal else NOTED,
        )

    async def post_update(
        self,
        incident_id: IncidentId,
        status: Status,
        progress: Annotated[str, Field(min_length=1, max_length=1000)],
        eta: Annotated[str, Field(max_length=100)] = "",
        blockers: Items = [],  # noqa: B006 - never changed
        next_steps: Items = [],  # noqa: B006 - never changed
    ) -> s.Written:
        """Tell the responders how far you are. It becomes a note on the timeline; updates to customers and stakeholders are posted by people."""
        told = [f"{status}: {progress}", f"expected: {eta}" if eta else ""]
        told += [f"blocked by: {' | '.join(blockers)}" if blockers else ""]
        told += [f"next: {' | '.join(next_steps)}" if next_steps else ""]
        text = "\n".join(one for one in told if one)
        await self._ask.change("note", {"text": text}, incident=incident_id)
        return s.Written(incident=incident_id, written=True)

    async def propose_action(  # noqa: PLR0913, PLR0917 - agents see each of them as a field
        self,
        incident_id: IncidentId,
        kind: ActionKind,
        title: Annotated[str, Field(min_length=1, max_length=180)],
        plan: Annotated[str, Field(min_length=1, max_length=2000)],
        rollback_plan: Annotated[str, Field(min_length=1, max_length=1000)],
        blast_radius: Annotated[str, Field(min_length=1, max_length=500)],
        target: Annotated[str, Field(max_length=100)] = "",
        risk: Annotated[int, Field(ge=0, le=100)] = 0,
        action: Annotated[str, Field(max_length=100)] = "",
    ) -> s.ActionProposed:  # fmt: skip
        """Propose a change you would make. target: the service; risk: level of the protocol; action: its name there, such as restart or configuration; one of the two is needed. It waits for as many people as its risk takes: make nothing before it is approved."""
        detail = f"Plan: {plan}\nBack: {rollback_plan}\nWho could be hit: {blast_radius}"
        body = {
            "title": f"{kind}: {title}", "risk": risk, "action": action, "service": target, "detail": detail,
        }  # fmt: skip
        said = await self._ask.change("change", body, incident=incident_id)
        waits = clean(said.get("waits_for", ""), LINE)
        return s.ActionProposed(
            incident=incident_id,
            action_id=word(said.get("change")),
            approved=not waits,
            untrusted=s.ChangeText(
                title=clean(body["title"], LINE), service=clean(target, LINE), waits_for=waits
            ),
            what_to_do=WAIT if waits else MAY,
        )

    async def action_result(
        self,
        incident_id: IncidentId,
        action_id: ActionId,
        outcome: Outcome,
        what_happened: Annotated[str, Field(min_length=1, max_length=2000)],
        evidence: Items = [],  # noqa: B006 - never changed
    ) -> s.ActionEnded:
        """Say what became of an action you proposed: made (only once it was approved, also when it did not help: say so), or withdrawn. evidence: what shows it."""
        told = f"{what_happened}\nEvidence: {' | '.join(evidence)}" if evidence else what_happened
        body = {"state": outcome, "note": told}
        await self._ask.change("change-end", body, incident=incident_id, change=action_id)
        return s.ActionEnded(incident=incident_id, action_id=action_id, outcome=outcome)

    async def _no_trigger(self) -> Invalid:
        """Why nothing was proposed, with the words the protocol knows."""
        found = await self._ask.read("policy")
        phrases = found["policy"]["protocol"]["activation"]["phrases"]
        known = ", ".join(f"«{one}»" for one in cleaned(phrases[:PHRASES], 60))
        if not known:
            return Invalid(
                "refused (no-trigger): this protocol knows no words that propose an emergency",
                "ask a person to declare it",
            )
        return Invalid(
            f"refused (no-trigger): nothing was proposed, people are asked when a message has one of: {known}",
            "if it is one of these, say so in the title; otherwise ask a person to declare it",
        )
