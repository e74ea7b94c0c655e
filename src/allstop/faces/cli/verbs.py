"""How a command is written: a function of the session and its own words, with what all commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from allstop.faces.cli.hints import WORD
from allstop.faces.cli.named import Named
from allstop.faces.cli.session import CURRENT, Session

__all__ = [
    "Named",
    "Verb",
    "VerbGroup",
    "group",
    "place_options",
    "shared_options",
    "take_shared",
    "verb",
]

F = TypeVar("F", bound=Callable[..., None])
HELP = {"help_option_names": ["-h", "--help"]}


class Verb(click.Command):
    """A command with examples, which stand at the end of its help and in docs/cli.md."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write_text(example)


def shared_options() -> list[click.Option]:
    """What every command takes."""
    return [
        click.Option(["--json", "as_json"], is_flag=True, help="Print the API's JSON."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print the bare answer, or nothing."),
        *place_options(),
    ]


def place_options() -> list[click.Option]:
    return [
        click.Option(
            ["--home"],
            default="",
            metavar="DIR",
            help="Project folder; else found upwards from here.",
        ),
        click.Option(
            ["--url"],
            default="",
            metavar="URL",
            help="Coordinator elsewhere; its token is ALLSTOP_TOKEN.",
        ),
    ]


ONLY_OPEN = "Which incident; the only open one by default."
AFTERWARDS = "Which incident; the open one by default, else the one that was stood down."
AS_A_WORD = " May stand as a word too."


def verb(
    name: str,
    *examples: str,
    incident: bool = False,
    afterwards: bool = False,
    word: bool = False,
    **settings: Any,
) -> Callable[[F], Verb]:
    """Make a function of (session, its own options) a command.

    incident: it takes --incident; afterwards: too, and it is used after the stand-down as well; word: the
    incident may stand as a word by itself too; settings: click's, for its context.
    """

    def decorate(function: F) -> Verb:
        own = list(reversed(getattr(function, "__click_params__", [])))
        if word:
            own.insert(
                0, click.Argument([WORD], default=CURRENT, metavar="[INC]", type=Named("incident"))
            )
        if incident or afterwards:
            told = AFTERWARDS if afterwards else ONLY_OPEN
            own.append(
                click.Option(
                    ["--incident"], default=CURRENT, metavar="INC", type=Named("incident"),
                    help=told + (AS_A_WORD if word else ""),
                )
            )  # fmt: skip

        def run(as_json: bool, quiet: bool, home: str, url: str, **words: Any) -> None:
            session: Session = click.get_current_context().obj
            take_shared(session, as_json=as_json, quiet=quiet, home=home, url=url)
            if "incident" in words:
                words["incident"] = _which(session, words, afterwards=afterwards)
            function(session, **words)

        return Verb(
            name, params=[*own, *shared_options()], callback=run, help=function.__doc__, examples=examples,
            context_settings={**HELP, **settings},
        )  # fmt: skip

    return decorate


def _which(session: Session, words: dict[str, Any], *, afterwards: bool) -> str:
    """The incident that is meant, wherever on the line it was named; hints go on naming it."""
    given: str = words["incident"]
    told = [one for one in (words.pop(WORD, CURRENT), given) if one not in ("", CURRENT)]
    if len(set(told)) > 1:
        raise click.UsageError(f"{' and '.join(told)} are two incidents; say one")
    session.incident = told[0] if told else session.incident
    if given == "" and not told:
        return ""  # a command that is about no incident unless one is named
    if afterwards and not session.incident:
        return session.still_at_work()
    return session.incident or CURRENT


def group(name: str) -> Callable[[Callable[[], None]], click.Group]:
    """Make a function a word with commands below it, and nothing by itself."""
    return click.group(name, context_settings=HELP)


class VerbGroup(click.Group):
    """Commands below one word. bare: what the word does by itself, whose options it takes too."""

    def __init__(self, bare: Verb, *commands: click.Command) -> None:
        super().__init__(
            bare.name, {each.name or "": each for each in commands}, invoke_without_command=True,
            params=bare.params, callback=self._begin, help=bare.help,
            context_settings=HELP,
        )  # fmt: skip
        self.bare = bare

    def _begin(self, **words: Any) -> None:
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            ctx.invoke(self.bare, **words)
            return
        session: Session = ctx.obj
        if words.get("incident", CURRENT) != CURRENT:
            session.incident = words["incident"]
        take_shared(session, **{name: words[name] for name in ("as_json", "quiet", "home", "url")})

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.bare.format_epilog(ctx, formatter)


def take_shared(session: Session, *, as_json: bool, quiet: bool, home: str, url: str) -> None:
    """What was said before the command's name holds unless it is said again after it."""
    session.as_json |= as_json
    session.quiet |= quiet
    session.home = home or session.home
    session.url = url or session.url
