"""What the translations share: who asks, what its tools can do, and a refusal as a value, whatever goes wrong inside."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.gate.decision import Decision
from allstop.gate.state_file import CLASSES, REPORT
from allstop.shims.checking import AllstopHalted, Asked, Place, ask

# Turns of which it is remembered that a tool was refused in them.
_MOST = 10_000


class Guard:
    """Asks for one program. classes: what its tools can do to the world, by name; a tool not named is of class `otherwise`.

    agent, team: who it is beside ALLSTOP_AGENT and ALLSTOP_TEAM; session: where the framework gives none.
    Raises ValueError for a class that does not exist.
    """

    def __init__(
        self,
        runtime: str,
        classes: Mapping[str, str] | None = None,
        *,
        agent: str = "",
        team: str = "",
        session: str = "",
        otherwise: str = "other",
    ) -> None:
        self._runtime = runtime
        self._classes = dict(classes or {})
        self._agent, self._team, self._session = agent, team, session
        self._otherwise = otherwise
        self._refused: dict[str, str] = {}
        for tool, kind in self._classes.items():
            if kind not in (*CLASSES, REPORT):
                raise ValueError(
                    f"{tool}: {kind!r} is no class of tools: {', '.join((*CLASSES, REPORT))}"
                )

    def refuses(
        self, tool: str, *, agent: str = "", session: str = "", folder: Place = "", turn: str = ""
    ) -> AllstopHalted | None:
        """Why a tool may not run; None when it may. turn: what ends when it is refused, by an id of the framework's."""
        why = self._ask(tool, agent, session, folder)
        if why and turn:
            while len(self._refused) >= _MOST:
                self._refused.pop(next(iter(self._refused)), None)
            self._refused[turn] = tool
        return why

    def refuses_turn(
        self, *, agent: str = "", session: str = "", turn: str = ""
    ) -> AllstopHalted | None:
        """Why the model may not be asked, None when it may: a hard halt stands, or a tool was refused in this turn and still would be."""
        why = self._ask("", agent, session, prompt=True)
        tool = self._refused.get(turn) if turn else None
        if why is None and tool is not None:
            # Written down when it was refused.
            why = self._ask(tool, agent, session, receipt=False)
            if why is None:
                self._refused.pop(turn, None)
        return why

    def _ask(
        self,
        tool: str,
        agent: str,
        session: str,
        folder: Place = "",
        *,
        prompt: bool = False,
        receipt: bool = True,
    ) -> AllstopHalted | None:
        try:
            asked = Asked(
                tool,
                self._classes.get(tool, self._otherwise),
                prompt,
                agent or self._agent,
                self._team,
                session or self._session,
                folder,
            )
            decision = ask(asked, self._runtime, receipt=receipt)
        except Exception as error:  # noqa: BLE001 - some frameworks run the tool when the one who is asked fails
            problem = (
                f"the check itself failed ({type(error).__name__}). "
                "A person: look whether Allstop is installed whole in the environment of this program"
            )
            decision = Decision(allowed=False, problem=problem)
        return None if decision.allowed else AllstopHalted(decision)
