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


def verb(name: str, *examples: str, incident: bool = False) -> Callable[[F], Verb]:
    """Make a function of (session, its own options) a command. incident: it takes --incident."""

    def decorate(function: F) -> Verb:
        own = list(reversed(getattr(function, "__click_params__", [])))
        if incident:
            own.append(
                click.Option(
                    ["--incident"], default=CURRENT, metavar="INC", type=Named("incident"),
                    help="Which incident; the only open one by default.",
                )
            )  # fmt: skip

        def run(as_json: bool, quiet: bool, home: str, url: str, **words: Any) -> None:
            session: Session = click.get_current_context().obj
            take_shared(session, as_json=as_json, quiet=quiet, home=home, url=url)
            function(session, **words)

        return Verb(
            name, params=[*own, *shared_options()], callback=run, help=function.__doc__, examples=examples,
            context_settings={"help_option_names": ["-h", "--help"]},
        )  # fmt: skip

    return decorate


def take_shared(session: Session, *, as_json: bool, quiet: bool, home: str, url: str) -> None:
    """What was said before the command's name holds unless it is said again after it."""
    session.as_json |= as_json
    session.quiet |= quiet
    session.home = home or session.home
    session.url = url or session.url
