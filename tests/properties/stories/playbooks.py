"""A playbook for the stories: a step of every sort that needs no adapter's own words, in two phases."""

from __future__ import annotations

from allstop.domain.policy import (
    Playbook,
    PlaybookPhase,
    PlaybookStep,
    PlaySort,
    Protocol,
    Span,
)

NAME = "by-the-book"
_MINUTE = 60_000


def playbook_for(protocol: Protocol) -> Playbook:
    """In the words of a protocol: its first audience, its last role, and every kind of emergency it knows."""
    told = protocol.audiences[0].name if protocol.audiences else "nobody"
    role = protocol.roles[-1].name
    ours, back = ("payments",), ("payments", "gateway")
    first = (
        PlaybookStep("shut", "shut it", PlaySort.PLAN, "isolate", on=ours),
        PlaybookStep("look", "look at it", PlaySort.TASK, "look at it", role=role),
        PlaybookStep("say", "say it", PlaySort.TELL, told, text="{title}: since {now}", on_failure="continue"),
        PlaybookStep("law", "the law", PlaySort.OWE, "tell the law", role=role, within=Span(72 * 60 * _MINUTE)),
        PlaybookStep("less", "do with less", PlaySort.LEVER, "none-has-it", after=("look",), early=True),
    )  # fmt: skip
    second = (
        PlaybookStep("back", "bring it back", PlaySort.PLAN, "recover", on=back),
        PlaybookStep("well", "is it well", PlaySort.GATE, "", on=ours, after=("back",)),
    )
    return Playbook(
        NAME, "By the book",
        (
            PlaybookPhase("first", "First", 0, 2 * _MINUTE, first),
            PlaybookPhase("second", "Second", 2 * _MINUTE, 30 * _MINUTE, second, recovery=True),
        ),
        kinds=tuple(one.name for one in protocol.activation.kinds),
    )  # fmt: skip
