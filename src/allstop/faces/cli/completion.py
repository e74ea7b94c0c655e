"""Tab completion: the shell's part."""

from __future__ import annotations

import click

from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

VARIABLE = "_ALLSTOP_COMPLETE"


@verb(
    "completion",
    'eval "$(allstop completion bash)"      (bash: put it into ~/.bashrc)',
    'eval "$(allstop completion zsh)"       (zsh: into ~/.zshrc, after compinit)',
    "allstop completion fish > ~/.config/fish/completions/allstop.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(
    session: Session,  # noqa: ARG001 - as every command
    shell: str,
) -> None:
    """Print completion for your shell.

    Names of incidents, plans, halts, roles, services and agents come from the running coordinator.
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    root = click.get_current_context().find_root()
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(root.command, {}, "allstop", VARIABLE).source())
