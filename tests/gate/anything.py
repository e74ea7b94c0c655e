"""States, callers and texts nobody thought of."""

from __future__ import annotations

from hypothesis import strategies as st

from allstop.gate.decision import REPORT_TOOLS, RUNTIMES, TOOLS
from allstop.gate.state_file import CLASSES, Lease, Pass, StandingHalt, State, render

WORD = st.text("ABab01_.:-", min_size=1, max_size=6) | st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-", min_size=1, max_size=64
)
# Few of each, so that they meet.
SESSION = st.sampled_from(["s-1", "s-2"])
HALT = st.sampled_from(["HALT-1", "HALT-2", "HALT-3"])
TEAM = st.sampled_from(["shop", "the office", "büro", "x * $(id) `id` \\ '"])
AGENT = st.sampled_from(["a-1", "a_2"])
FOLDER = st.sampled_from(
    ["/", "/srv", "/srv/shop", "/srv/shop two", "/srv/sh", "/srv/büro", "/tmp/*", "/srv/shop\\x"]
)
NUMBER = st.integers(0, 10**18 - 1)


def scopes() -> st.SearchStrategy[str]:
    return (
        st.just("all")
        | st.builds("team:{}".format, TEAM | WORD)
        | st.builds("agent:{}".format, AGENT | WORD)
        | st.builds("session:{}".format, SESSION | WORD)
        | st.builds("repository:{}".format, FOLDER)
    )


def _list() -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(CLASSES), min_size=1, max_size=4).map(tuple)


def states(
    boots: st.SearchStrategy[str] = WORD, seconds: st.SearchStrategy[int] = NUMBER
) -> st.SearchStrategy[State]:
    classes = st.sampled_from([("default",), ("hard",)]) | _list()
    halts = st.builds(StandingHalt, HALT, WORD | st.just("-"), WORD, classes, scopes())
    passes = st.builds(Pass, SESSION | WORD, seconds, _list(), HALT)
    return st.builds(
        State,
        NUMBER,
        boots,
        st.booleans(),
        st.booleans(),
        st.lists(halts, max_size=4).map(tuple),
        st.lists(passes, max_size=3).map(tuple),
    )


def leases() -> st.SearchStrategy[Lease]:
    return st.builds(Lease, WORD, NUMBER)


@st.composite
def texts_near_states(draw: st.DrawFn) -> str:
    """A state file with something wrong with it, or by chance nothing: lines lost, doubled, swapped, bent, cut."""
    lines = render(draw(states())).split("\n")
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["lose", "double", "bend", "swap", "strange"])):
            case "lose":
                lines.pop(place)
            case "double":
                lines.insert(place, lines[place])
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case "strange":
                lines[place] = draw(
                    st.sampled_from(["", " ", "halt", "pass", "halt default", "halt all", "end"])
                    | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
                )
            case _:
                line = lines[place]
                at = draw(st.integers(0, len(line)))
                bit = draw(st.sampled_from(["", " ", "0", "-", ",", "\x7f", "\t", "\r", "/", "*"]))
                lines[place] = line[:at] + bit + line[at + 1 :]
        if not lines:
            lines = [""]
    text = "\n".join(lines)
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


def tools(runtime: str) -> st.SearchStrategy[str]:
    known = [tool for names in TOOLS[runtime].values() for tool in names.split()]
    reports = [
        f"{prefix}{tool}"
        for prefix in (
            "mcp__allstop__",
            "mcp_allstop_",
            "allstop-",
            "mcp__allstop_evil__",
            "mcp__plugin_allstop_allstop__",
        )
        for tool in REPORT_TOOLS[:3]
    ]
    odd = ["mcp__other__write", "mcp__allstop__", "mcp__allstop__halt_status_x", "read", "*"]
    return st.sampled_from([*known, *reports, *odd])


def runtimes() -> st.SearchStrategy[str]:
    return st.sampled_from(RUNTIMES)


def events() -> st.SearchStrategy[str]:
    return st.sampled_from(
        ["PreToolUse", "PreToolUse", "BeforeTool", "UserPromptSubmit", "BeforeAgent", "Stop", "Odd"]
    )
