"""The server that agents speak MCP with."""

from __future__ import annotations

import os

import click
from click.core import ParameterSource

from allstop.errors import Missing
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.named import Named, Whole
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

PORT = 7412
# What means something to one of the two only.
FOR_HTTP, FOR_ONE = ("bind", "port", "hosts"), ("agent",)


@verb(
    "mcp",
    "allstop mcp --agent builder-1                        (its token is in ALLSTOP_TOKEN)",
    "allstop mcp --http --port 7412                       (each client sends its own token)",
)
@click.option(
    "--agent", default="", metavar="AGENT", type=Named("agent"), help="Which agent; else ALLSTOP_AGENT."
)  # fmt: skip
@click.option("--http", is_flag=True, help="Serve over HTTP, many agents at once.")
@click.option(
    "--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Loopback address to listen on."
)  # fmt: skip
@click.option(
    "--port", default=PORT, show_default=True, type=Whole(0, 65535), help="Its port; 0 takes any free one."
)  # fmt: skip
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="HOST", help="Further Host that requests may bear; repeatable."
)  # fmt: skip
def mcp(
    session: Session, agent: str, *, http: bool, bind: str, port: int, hosts: tuple[str, ...]
) -> None:
    """Serve agents over the Model Context Protocol: report, ask, propose.

    Nothing on it releases, approves, lowers a severity or ends anybody. Everything is asked of the coordinator with the agent's own token. Needs the extra: pip install 'allstop[mcp]'.
    """
    from allstop.faces.cli.address import address_of  # noqa: PLC0415 - help needs none of it

    _refuse_what_is_lost(http=http)
    address = address_of(session.settings)
    socket, url = address.socket, "" if address.socket else str(address)
    if http:

        def ready(where: str) -> None:
            if not session.quiet:
                click.echo(safe(f"listening on {where}"), err=True)

        code = session.launch.mcp.http(socket, url, bind, port, hosts, ready)
    else:
        token = session.settings.token
        if not token:
            # Without one the socket would say that the owner of this process asks, and every word were theirs.
            raise Missing(
                "an agent needs a token of its own here",
                "allstop token new agent:NAME, then set ALLSTOP_TOKEN for this program",
            )
        name = agent or os.environ.get("ALLSTOP_AGENT", "")
        code = session.launch.mcp.stdio(socket, url, token, name)
    if code:
        raise Ended(code)


def _refuse_what_is_lost(*, http: bool) -> None:
    """Whoever forgets --http would wait for a server that listens nowhere."""
    ctx = click.get_current_context()
    for name in FOR_ONE if http else FOR_HTTP:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "--allow-host" if name == "hosts" else f"--{name}"
            text = "each request names its agent" if http else "it goes with --http"
            raise click.UsageError(f"{option} means nothing here: {text}")
