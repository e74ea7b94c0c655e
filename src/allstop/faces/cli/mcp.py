"""The server that agents speak MCP with."""

from __future__ import annotations

import os

import click

from allstop.errors import Missing
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.named import Named, Whole
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

PORT = 7412


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
