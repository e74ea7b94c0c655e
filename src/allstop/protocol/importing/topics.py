"""What a section is about, by the words of the headings above it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from allstop.protocol.importing.naming import severity_in, strict_severity
from allstop.protocol.importing.words import is_role, span_in, without_marks

# The first that is found in a title is what it is about.
_TOPICS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("objectives", r"\brtos?\b|\brpos?\b|recovery (?:time|point|objective)"),
        ("mode", r"emergency (?:mode|state)\b|\bmode\b.*\bemergency"),
        ("stand-down", r"\bstand(?:ing)?[\s-]?down\b|\ball[\s-]clear\b|\bde-?activat|\bde-?escalat|\b(?:resolution|recovery|closure|closing|exit|end) criteria|\bend of (?:the )?(?:incident|emergency)|\bwhen (?:is it|it is) over"),
        ("drills", r"\bdrills?\b|\bexercises?\b|\bgame\s?days?\b|\bsimulations?\b|\brehearsals?\b"),
        ("review", r"\b(?:document|protocol|policy|plan|runbook) (?:review|maintenance)|\breview (?:schedule|cycle)|^maintenance$|^revision"),
        ("after", r"\bpost[\s-]?incident|\bpost[\s-]?mortem|\bafter(?:math|wards)?\b(?! hours)|\bfollow[\s-]?ups?\b|\bretrospective|\blessons\b"),
        ("escalation", r"\bescalat"),
        ("remedy", r"\broll\s?back (?:when|if|vs|or|decision|criteria)|\bdecision (?:table|tree|matrix|criteria|guide)|\b(?:fix|fix forward|hotfix|investigate) (?:when|if|vs|or)\b|\bwhen to (?:roll|fix|investigate)"),
        ("approvals", r"\bapprovals?\b|\bsign[\s-]?offs?\b|\brisk levels?\b|\byear levels?\b|\bhuman[\s-]in[\s-]the"),
        ("points", r"\bpoints\b|\bscoring\b|\bscores?\b|\brewards?\b"),
        ("calendar", r"\b(?:business|working|support|office) hours\b|\bholidays?\b|\bcoverage hours\b"),
        ("who", r"\bwho (?:can|may|is allowed)|\bauthority\b|\bauthori[sz]ed\b"),
        ("halt", r"\b(?:halt|emergency|trigger|stop|incident|activation|shutdown) (?:conditions?|types?|categor|kinds?|scenarios?)|\btypes? of (?:incident|emergenc)"),
        ("severity", r"\bseverit|\bpriorit(?:y|ies)\b|\b(?:threat|alert|incident|impact|emergency) levels?\b|\bclassif|\blevels? of (?:incident|emergency|severity)|^levels$|\bsev levels?\b"),
        ("trigger", r"\btriggers?\b|\bactivat|\bkey ?words?\b|\bphrases?\b|\bwhen to (?:use|declare|invoke|call)|\binvocation\b|\bhow to (?:declare|invoke)"),
        ("crews", r"\bcrews?\b|\bsquads?\b|\bstrike teams?\b|\bresponse teams\b|\btask forces?\b|\bteam (?:formation|assembly)"),
        ("roster", r"\bcontacts?\b|\bdirectory\b|\bhouses?\b|^(?:the )?teams?$|\brota\b|\bphone|\broster\b|\bon-?call (?:schedule|rotation)"),
        ("roles", r"\broles?\b|\bresponsibilit|\braci\b|\bwho does what|\b(?:team|command) structure|\bresponse team\b|\bduties\b"),
        ("timeline", r"\btime ?lines?\b|\bdeadlines?\b|\btime targets?\b|\bfirst \w+ minutes\b|\bmilestones?\b"),
        ("updates", r"\bcommunicat|\bupdates?\b|\bcadence\b|\bstatus\b|\bnotif"),
        ("phases", r"\bphases\b|\bstages\b|\blife ?cycle\b"),
        ("procedure", r"\bprocedures?\b|\bwork ?flow\b|\bsteps\b|\bprocess\b|\bplaybook\b|\bchecklist\b|\bresponse plan\b"),
        ("other", r"\bexamples?\b|\breferences?\b|\brelated\b|\bfaq\b|\btools?\b|\bappendix\b|\bglossary\b|\bdefinitions\b|\bmetrics?\b|\bkpis?\b|\blinks?\b|\bresources?\b|\bhistory\b|\bchange ?log\b|\banti-?patterns?\b|\bmistakes\b|\bpurpose\b|\bscope\b|\boverview\b|\bintroduction\b|\bdo not\b|\bnever\b|\bpitfalls\b"),
    )
)  # fmt: skip
_TEMPLATE = re.compile(
    r"\btemplates?\b|\bmessage format\b|\bformat$|\bboilerplate\b", re.IGNORECASE
)
_PHASE = re.compile(
    r"(?:phase|stage|step)(?:\s*(?:[0-9]{1,2}|[ivx]{1,4})\b[\s:.)–—-]*|\s*[:–—-]\s*)(.*)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\W*[0-9]{1,2}[.):]\s+\S")
_EXIT = re.compile(
    r"\bexit\b|\bdone when\b|\bcomplete(?:d)? when\b|\bcompletion criteria|\bgates?\b|\bsuccess criteria", re.IGNORECASE
)  # fmt: skip
# Sections whose parts have headings that sound like something else.
_KEEP = {"template", "halt", "crews", "roster", "points", "drills", "who", "other", "escalation"}


@dataclass(frozen=True, slots=True)
class Where:
    """topic: what the section is about, or empty; phase, severity, role: whose part it is; within: a time
    that the headings name for all of it."""

    topic: str = ""
    phase: str = ""
    severity: str = ""
    role: str = ""
    within: str = ""


@lru_cache(maxsize=4096)
def where(titles: tuple[str, ...]) -> Where:
    """What a piece under these titles, the outermost first, is about."""
    if not titles:
        return Where()
    return _under(where(titles[:-1]), titles[-1])


def _under(above: Where, written: str) -> Where:
    title = without_marks(written[:200])
    here = replace(above, within=span_in(title) or above.within)
    if _TEMPLATE.search(title) or above.topic == "template":
        return replace(here, topic="template")
    phase = _PHASE.match(title)
    if phase and above.topic in ("", "phases", "procedure", "phase", "exit", "timeline"):
        return replace(here, topic="phase", phase=title if not phase[1] else phase[1].strip())
    if above.topic in ("phase", "exit") and _EXIT.search(title):
        return replace(here, topic="exit")
    if above.topic == "roles" and is_role(title):
        return replace(here, role=title)
    return _by_words(above, here, written, title)


def _by_words(above: Where, here: Where, written: str, title: str) -> Where:
    own = next((name for name, pattern in _TOPICS if pattern.search(title)), "")
    named = _named(above, title, own)
    if named:
        return replace(here, topic="severity" if own in ("", "severity") else own, severity=named)
    if above.topic in _KEEP:
        return here
    if above.topic == "phases" and not own:
        return replace(here, topic="phase", phase=title)
    if above.topic == "procedure" and _NUMBERED.match(written):
        return replace(here, topic="phase", phase=title)
    if above.topic in ("phase", "exit") and own in (
        "procedure",
        "updates",
        "timeline",
        "stand-down",
    ):
        return replace(here, topic="phase")
    if above.topic == "after" and own in ("updates", "procedure", "timeline"):
        return here
    return replace(here, topic=own or above.topic)


def _named(above: Where, title: str, own: str) -> str:
    """The severity a title names."""
    if above.topic in ("severity", "updates") or own == "severity":
        return severity_in(re.split(r":|\s-\s|–|—", title, maxsplit=1)[0])
    return strict_severity(title) if above.topic in ("", "other") or own else ""


def is_exit(title: str) -> bool:
    """Whether a label says that what follows are conditions to be met."""
    return bool(_EXIT.search(title))
