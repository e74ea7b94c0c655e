"""Names as commands take them: completed by the running coordinator, and refused when they can be none."""

from __future__ import annotations

import re
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from click.types import StringParamType

LONGEST = 100
_PRINCIPAL = re.compile(r"(person|agent|source):(host:)?[\w.@+-]+")
_DIGEST = re.compile(r"[0-9a-f]{4,64}")


class Named(StringParamType):
    """A word the running coordinator can complete. kind: of `names`; empty: nothing stands for none."""

    def __init__(self, kind: str, *, empty: bool = False) -> None:
        self.kind = kind
        self.name = kind
        self.empty = empty

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:  # fmt: skip
        """The name as it is. Refuses what no coordinator could know, and would find elsewhere in its API."""
        if not _typed(param, ctx) or (self.empty and not value):
            return value
        if not value.strip():
            self.fail(f"the name of {self._what()} is empty", param, ctx)
        if len(value) > LONGEST:
            self.fail(f"no name has {len(value)} letters", param, ctx)
        if "/" in value or not value.isprintable():
            self.fail(f"{value!r} is no name of {self._what()}", param, ctx)
        return value

    def _what(self) -> str:
        article = "an" if self.kind[0] in "aeio" else "a"
        return f"{article} {self.kind}"

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


def _typed(param: click.Parameter | None, ctx: click.Context | None) -> bool:
    """Whether a person wrote it, as opposed to a default of ours."""
    if param is None or ctx is None:
        return False
    return ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE


class Scope(Named):
    """Whom a halt takes in. The only name that may be a path."""

    def __init__(self) -> None:
        super().__init__("scope")

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:  # fmt: skip
        from allstop.domain.halt.scope import trouble_with  # noqa: PLC0415 - only halts ask

        trouble = trouble_with(value) if _typed(param, ctx) else ""
        if trouble:
            self.fail(trouble, param, ctx)
        return value


class Holder(StringParamType):
    """Whoever a token is for, as the API writes it."""

    name = "holder"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:  # fmt: skip
        if len(value) > LONGEST or not _PRINCIPAL.fullmatch(value):
            self.fail(f"{value!r} is not person:NAME, agent:NAME or source:NAME", param, ctx)
        return value


class Digest(StringParamType):
    """A SHA-256, or the beginning of one, in small letters."""

    name = "digest"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:  # fmt: skip
        if not _DIGEST.fullmatch(value.lower()):
            text = "write the first 4 to 64 of its hexadecimal digits"
            self.fail(f"{value!r} is no SHA-256: {text}", param, ctx)
        return value.lower()


class Whole(click.IntRange):
    """A whole number within bounds, refused in a sentence."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:  # fmt: skip
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            bounds = f"from {self.min} to {self.max}"
            self.fail(f"{str(value)!r} is no whole number {bounds}", param, ctx)


class Percent(Whole):
    """A share; people write it with its sign as well."""

    name = "percent"

    def __init__(self) -> None:
        super().__init__(0, 100)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:  # fmt: skip
        given = value.strip().removesuffix("%").rstrip() if isinstance(value, str) else value
        return super().convert(given, param, ctx)
