"""How a command is written: a function of the session and its own words, with what all commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from allstop.faces.cli.session import CURRENT, Session

F = TypeVar("F", bound=Callable[..., None])


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


class Named(StringParamType):
    """A word the running coordinator can complete. kind: of `names`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = kind

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        from allstop.faces.cli.names import names  # noqa: PLC0415 - only a shell asks

        return [
            CompletionItem(value, help=told)
            for value, told in names(ctx, self.kind)
            if value.startswith(incomplete)
        ]


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


def verb(
    name: str, *examples: str, incident: bool = False, afterwards: bool = False, **settings: Any
) -> Callable[[F], Verb]:
    """Make a function of (session, its own options) a command.

    incident: it takes --incident; afterwards: too, and it is used after the stand-down as well;
    settings: click's, for its context.
    """

    def decorate(function: F) -> Verb:
        own = list(reversed(getattr(function, "__click_params__", [])))
        if incident or afterwards:
            own.append(
                click.Option(
                    ["--incident"], default=CURRENT, metavar="INC", type=Named("incident"),
                    help=AFTERWARDS if afterwards else ONLY_OPEN,
                )
            )  # fmt: skip

        def run(as_json: bool, quiet: bool, home: str, url: str, **words: Any) -> None:
            session: Session = click.get_current_context().obj
            take_shared(session, as_json=as_json, quiet=quiet, home=home, url=url)
            if words.get("incident") == CURRENT:
                words["incident"] = session.incident or CURRENT
                if afterwards:
                    words["incident"] = session.still_at_work(words["incident"])
            function(session, **words)

        return Verb(
            name, params=[*own, *shared_options()], callback=run, help=function.__doc__, examples=examples,
            context_settings={"help_option_names": ["-h", "--help"], **settings},
        )  # fmt: skip

    return decorate


class VerbGroup(click.Group):
    """Commands below one word. bare: what the word does by itself, whose options it takes too."""

    def __init__(self, bare: Verb, *commands: click.Command) -> None:
        super().__init__(
            bare.name, {each.name or "": each for each in commands}, invoke_without_command=True,
            params=bare.params, callback=self._begin, help=bare.help,
            context_settings={"help_option_names": ["-h", "--help"]},
        )  # fmt: skip
        self.bare = bare

    def _begin(self, **words: Any) -> None:
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            callback = self.bare.callback
            assert callback is not None
            callback(**words)
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
