"""`allstop mcp`: which server is started, for whom, and when none is."""

from pathlib import Path

import pytest

from tests.faces.cli.conftest import Doors, Run


def test_over_standard_input_it_needs_an_agents_own_token(allstop: Run, doors: Doors) -> None:
    """Without one the socket would say that the owner of the process asks."""
    ran = allstop("mcp", "--agent", "builder-1")
    assert ran.code == 4
    assert "a token of its own" in ran.err
    assert "allstop token new agent:" in ran.err
    assert doors.mcp.asked == []


def test_it_serves_the_agent_that_is_named(
    allstop: Run, doors: Doors, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = home / "token"
    secret.write_text("allstop_1234567890\n")
    secret.chmod(0o600)
    (home / "allstop.toml").write_text('token_file = "token"\n')
    monkeypatch.setenv("ALLSTOP_AGENT", "builder-2")
    assert allstop("mcp", "--agent", "builder-1").code == 0
    assert allstop("mcp").code == 0
    where = str(home / ".allstop" / "allstop.sock")
    assert doors.mcp.asked == [
        (where, "", "allstop_1234567890", "builder-1"),
        (where, "", "allstop_1234567890", "builder-2"),
    ]


def test_over_http_each_request_brings_its_own_token(allstop: Run, doors: Doors) -> None:
    ran = allstop(
        "mcp", "--http", "--port", "0", "--allow-host", "agents.example", "--url", "https://a.example"
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "")
    assert "listening on http://127.0.0.1:7412/mcp" in ran.err
    assert doors.mcp.asked == [("", "https://a.example:443", "127.0.0.1", 0, ("agents.example",))]


@pytest.mark.parametrize(
    "words", [("--port", "65536"), ("--port", "x"), ("--agent", "a/b"), ("--stdio",), ("builder-1",),
     ("--port", "7412"), ("--bind", "127.0.0.1"), ("--allow-host", "x"), ("--http", "--agent", "builder-1")]
)  # fmt: skip
def test_nonsense_starts_nothing(allstop: Run, doors: Doors, words: tuple[str, ...]) -> None:
    assert allstop("mcp", *words).code == 2
    assert doors.mcp.asked == []
