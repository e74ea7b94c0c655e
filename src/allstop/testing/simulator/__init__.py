"""Whole emergencies on a virtual clock: the production parts, with the world around them replaced.

`simulate(seed, faults)` runs one; `docs/simulator.md` says what is simulated and what is checked.
"""

from allstop.testing.simulator.faults import Faults
from allstop.testing.simulator.run import Result, simulate

__all__ = ["Faults", "Result", "simulate"]
