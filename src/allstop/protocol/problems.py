"""A mistake in a document: where it is, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Stable codes: they stand in people's CI and in the reference page. Never reuse a number.
# The first word is the severity; an error keeps a policy from being compiled, a warning does not.
CODES: dict[str, tuple[str, str]] = {
    "AP001": ("error", "the file is missing or cannot be read"),
    "AP002": ("error", "not valid YAML"),
    "AP003": ("error", "unknown key"),
    "AP004": ("error", "the same key twice in one mapping"),
    "AP005": ("error", "anchors, aliases, merge keys, tags and directives are not used here"),
    "AP006": ("error", "a tab character"),
    "AP007": ("error", "more than one document in the file"),
    "AP008": ("error", "not UTF-8, or a character that may not stand in a document"),
    "AP009": ("error", "the file is larger than 1 MB"),
    "AP010": ("error", "nested deeper than 64 levels"),
    "AP011": ("error", "a key without a value"),
    "AP012": ("error", "a key that is not text"),
    "AP013": ("error", "a whole number beyond 9007199254740991"),
    "AP014": ("error", "the document is not a mapping"),
    "AP020": ("error", "a required key is missing"),
    "AP021": ("error", "a value of the wrong type"),
    "AP022": ("error", "not a duration, a span or a number of days"),
    "AP023": ("error", "not a name"),
    "AP025": ("error", "a criterion must be of exactly one kind"),
    "AP026": ("error", "not one of the possible values"),
    "AP027": ("error", "a number or a list out of its bounds"),
    "AP028": ("error", "a schema this version does not read"),
    "AP030": ("error", "`extends` names something that does not exist"),
    "AP031": ("error", "`extends` leads back to itself"),
    "AP032": ("error", "`abstract` outside of a built-in pack"),
    "AP033": ("error", "an abstract protocol is no protocol of its own"),
    "AP040": ("error", "unknown severity"),
    "AP041": ("error", "unknown role"),
    "AP042": ("error", "unknown audience"),
    "AP043": ("error", "unknown channel"),
    "AP044": ("error", "unknown probe"),
    "AP045": ("error", "unknown person"),
    "AP046": ("error", "unknown service"),
    "AP047": ("error", "unknown team"),
    "AP048": ("error", "unknown adapter"),
    "AP049": ("error", "the adapter cannot be used in this place"),
    "AP050": ("error", "unknown verb"),
    "AP051": ("error", "options the adapter does not accept"),
    "AP052": ("error", "the adapter is installed but cannot be used"),
    "AP053": ("error", "evidence would be collected with a verb that changes something"),
    "AP060": ("error", "unknown action"),
    "AP061": ("error", "an action for people only is granted to agents or sources"),
    "AP062": ("error", "an action that nobody can do"),
    "AP063": ("error", "not a grant"),
    "AP064": ("error", "unknown fact"),
    "AP065": ("error", "a test that does not suit the fact"),
    "AP066": ("error", "a row that can never match"),
    "AP067": ("error", "two rows with the same conditions"),
    "AP068": ("error", "situations the classification has no severity for"),
    "AP069": ("error", "situations the decision table has no answer for"),
    "AP070": ("warning", "nobody is on the roster"),
    "AP071": ("error", "a role that must be filled, and nobody can hold it"),
    "AP072": ("error", "the escalation ends at nobody"),
    "AP073": ("error", "an approval by a role that nobody can hold"),
    "AP074": ("error", "two people with one login"),
    "AP075": ("warning", "nobody is owner"),
    "AP076": ("warning", "all-stop is ordered and no agent is registered"),
    "AP077": ("warning", "somebody in the escalation has no channel"),
    "AP078": ("warning", "an audience without a channel"),
    "AP080": ("warning", "updates are due less often than the incident should last"),
    "AP081": ("error", "the reminder comes after the roll call has ended"),
    "AP082": ("warning", "the samples need longer than the window"),
    "AP083": ("error", "the last phase has no exit criterion"),
    "AP084": ("warning", "a phase that is left at once"),
    "AP085": ("error", "a criterion's id is used twice"),
    "AP086": ("error", "a criterion that refers to nothing"),
    "AP087": ("warning", "a criterion waits for probes and the fleet has none"),
    "AP088": ("warning", "evidence that is never asked for"),
    "AP089": ("warning", "table too large to be checked for gaps"),
    "AP090": ("error", "no statuses for updates"),
    "AP091": ("error", "a service that depends on itself"),
    "AP092": ("warning", "services that depend on each other in a circle"),
    "AP093": ("warning", "an important service depends on a less important one"),
    "AP094": ("warning", "nothing verifies the effect of an action"),
    "AP095": ("error", "two probes of one name"),
    "AP096": ("warning", "an action without a way back"),
    "AP097": ("error", "a meter that measures nothing usable"),
    "AP100": ("error", "not hours of a clock"),
    "AP101": ("error", "not a date"),
    "AP102": ("error", "not a time zone"),
    "AP103": ("error", "choices that do not suit the field"),
    "AP110": ("error", "unknown office"),
    "AP111": ("error", "unknown kind of emergency"),
    "AP112": ("error", "unknown mark"),
    "AP113": ("error", "unknown form"),
    "AP114": ("error", "unknown occasion"),
    "AP115": ("error", "a placeholder the occasion does not have"),
    "AP116": ("error", "unknown preflight check"),
    "AP117": ("error", "unknown phase"),
    "AP118": ("error", "unknown crew"),
    "AP119": ("error", "unknown class of services"),
    "AP121": ("error", "hours that overlap"),
    "AP122": ("error", "a calendar that is never open"),
    "AP123": ("error", "a day in the past that is yet to come"),
    "AP124": ("warning", "a reminder that is due at once"),
    "AP125": ("error", "a span that no severity has"),
    "AP130": ("error", "a phase that is never reached"),
    "AP131": ("error", "a criterion that nobody can satisfy"),
    "AP132": ("warning", "a timer that outlasts the target"),
    "AP133": ("error", "a criterion waits for crews and there are none"),
    "AP134": ("error", "tests that can never hold"),
    "AP135": ("error", "a stop rule that always holds"),
    "AP136": ("error", "a severity that nobody answers for"),
    "AP137": ("error", "a role where there is no incident yet"),
    "AP138": ("warning", "no person on the roster is meant"),
    "AP139": ("warning", "a crew that nobody could join"),
    "AP140": ("warning", "skills that nobody who may hold the role has"),
    "AP141": ("warning", "an approval that only its requester could give"),
    "AP142": ("error", "an approval that needs more people than may give it"),
    "AP143": ("warning", "an approval that needs more people than there are"),
    "AP144": ("error", "situations the approval table has no row for"),
    "AP145": ("warning", "what is protected would need nobody, and needs one all the same"),
    "AP147": ("error", "a rule that can never apply"),
    "AP148": ("error", "a phrase that says nothing, or stands twice"),
    "AP151": ("warning", "closing waits for a form of the time before"),
    "AP152": ("warning", "an emergency mode that changes nothing"),
    "AP153": ("warning", "points that nobody can earn"),
    "AP155": ("error", "a watch that never looks"),
    "AP156": ("warning", "a watch that outlasts the time in which an incident is reopened"),
    "AP157": ("warning", "a watch for which nothing measures"),
    "AP158": ("error", "a severity that calls for two degrees of degradation"),
    "AP159": ("error", "a target that no fleet can have"),
    "AP160": ("error", "a set of which more must stay up than it has"),
    "AP161": ("error", "unknown stage"),
    "AP162": ("warning", "data that a stop does not keep safe"),
    "AP163": ("warning", "a failed stop is forced where that may hurt"),
    "AP164": ("warning", "a policy for failed stops that cannot be carried out"),
    "AP165": ("warning", "`{percent}` where nothing takes its place"),
    "AP166": ("warning", "a capacity that is always the same"),
    "AP167": ("warning", "a time for an action that the service does not have"),
    "AP168": ("warning", "a lever that nothing shows"),
    "AP169": ("warning", "a service must be back before what it needs"),
    "AP170": ("warning", "less time to be back than its actions take"),
    "AP171": ("warning", "a limit that can never bite"),
    "AP172": ("error", "a breaker of what there is not"),
    "AP173": ("warning", "a breaker that never acts by itself"),
    "AP174": ("warning", "an action whose timeout ends before its grace"),
    "AP175": ("warning", "a lever that is taken back before anybody could answer"),
    "AP180": ("error", "a step of a playbook must be of exactly one sort"),
    "AP181": (
        "error",
        "a step of a playbook that lacks what its sort needs, or says what it does not know",
    ),
    "AP182": ("error", "phases whose times do not follow each other"),
    "AP183": ("error", "a step's id that stands twice in a playbook, or is taken"),
    "AP184": ("error", "a step that waits for one that does not come before it"),
    "AP185": ("warning", "a playbook whose services nobody named"),
    "AP186": ("warning", "a step that the fleet does not offer, so that a person is asked"),
    "AP187": ("error", "two playbooks of one name"),
    "AP188": ("warning", "a file that looks like a playbook and is not read"),
    "AP189": ("warning", "a phase without a step"),
    "AP190": ("warning", "a built-in playbook names what the protocol does not have"),
    "AP195": ("error", "a release that takes more people than may release"),
    "AP154": ("warning", "an agent whose answer can never be confirmed"),
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a document. line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    code: of `CODES`; text: one sentence; hint: what to do, may be empty.
    """

    code: str
    file: str
    line: int
    column: int
    text: str
    hint: str = ""

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return CODES[self.code][0]

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        """`protocol.yaml:12:7: AP003 unknown key "severites" (did you mean severities?)`."""
        warning = "" if self.is_error else "warning: "
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.code} {warning}{self.text}{hint}"


def problem(code: str, place: Place, text: str, hint: str = "") -> Problem:
    """A problem at a place. Raises KeyError for a code that is not in the table."""
    assert code in CODES, code
    return Problem(code, place.file, place.line, place.column, text, hint)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Without doubles, by file, line and column, so that two runs print the same."""
    return tuple(
        sorted(
            set(problems),
            key=lambda each: (each.file, each.line, each.column, each.code, each.text),
        )
    )


def render(problems: Iterable[Problem]) -> str:
    """One line each, as people and editors read them."""
    return "\n".join(str(each) for each in problems)
