"""What people do in most stories, step by step, over the API."""

from __future__ import annotations

from typing import Any

from allstop.testing.stage import Stage

COMMANDER = "person:ada"
OWNER = "person:eve"


def fill(stage: Stage, incident: str, form: str, who: str = COMMANDER, **fields: str) -> Any:
    """File a form; what is not given here is what the form asks for, in a word."""
    views = stage.get(f"incidents/{incident}/forms").data
    wanted = next(one for one in views if one["id"] == form)["fields"]
    texts = {}
    for one in wanted:
        if one["id"] in fields:
            texts[one["id"]] = fields[one["id"]]
        elif one["required"] and not one["prefill"]:
            texts[one["id"]] = (one.get("choices") or [f"about {one['title'].lower()}"])[0]
    return stage.do(f"incidents/{incident}/forms/{form}", who, fields=texts)


def state(stage: Stage, incident: str, subject: str, text: str = "it is so") -> None:
    stage.do(f"incidents/{incident}/statements", COMMANDER, subject=subject, text=text)


def fill_crews(stage: Stage, incident: str) -> None:
    """Take every crew as proposed, and put the commander into those that nobody is proposed for."""
    for crew in stage.get(f"incidents/{incident}/crews").data:
        members = crew["proposed"] or [COMMANDER]
        stage.do(f"incidents/{incident}/crews/{crew['name']}", COMMANDER, members=members)


def approve_plans(stage: Stage, incident: str) -> None:
    for plan in stage.show(incident)["plans"]:
        if plan["state"] == "proposed" and plan["approve"]:
            stage.do(
                f"incidents/{incident}/approvals",
                OWNER,
                subject=f"plan:{plan['id']}",
                binds=plan["hash"],
            )


def post_update(stage: Stage, incident: str, who: str = COMMANDER, **more: Any) -> Any:
    fields = more.pop("fields", {"progress": "half way", "next": "look at the logs"})
    body = {"status": "investigating", "text": "we are on it", "fields": fields} | more
    return stage.do(f"incidents/{incident}/updates", who, **body)


def patronus_to_verify(stage: Stage, incident: str) -> None:
    """Through contain, mitigate and fix, into the watch."""
    stage.settle()
    stage.post(f"incidents/{incident}/acknowledge", COMMANDER)
    stage.wait(30)
    fill(stage, incident, "briefing", cause="under investigation")
    fill_crews(stage, incident)
    state(stage, incident, "contained")
    stage.outside.repair("payments")
    stage.settle()
    state(stage, incident, "mitigated")
    stage.settle()
    state(stage, incident, "fixed", "the release was rolled back, its tests pass")
    stage.wait(45)
    assert stage.show(incident)["line"]["phase"] == "verify", stage.show(incident)["line"][
        "waits_for"
    ]


def patronus_to_the_end(stage: Stage, incident: str) -> None:
    """All the way to a stand-down."""
    patronus_to_verify(stage, incident)
    stage.wait(minutes=16)
    for subject in ("resolved", "root-cause", "prevention"):
        state(stage, incident, subject)
    stage.do(f"incidents/{incident}/approvals", COMMANDER, subject="stand-down")
