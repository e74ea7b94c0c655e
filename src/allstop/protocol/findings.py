"""What the checks collect problems in, with the question they ask most: is this name known?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from allstop.domain.verdict import nearest
from allstop.protocol.problems import Place, Problem, problem


@dataclass(slots=True)
class Findings:
    """Problems so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, code: str, place: Place, text: str, hint: str = "") -> None:
        self.problems.append(problem(code, place, text, hint))

    def known(self, code: str, name: str, names: Collection[str], place: Place, kind: str) -> bool:
        """Whether `name` is one of `names`; a problem when it is not."""
        if name in names:
            return True
        hint = nearest(name, names) or f"there is no {kind} at all"
        self.add(code, place, f"there is no {kind} {name}", hint)
        return False
