"""Checks of what can be done to one service: proofs, ways back, safe data, policies that can be carried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allstop.domain.planning.node_steps import SAFELY
from allstop.domain.policy import ACTIONS
from allstop.domain.policy.fleet import PERCENT
from allstop.protocol.document_fleet import ServiceDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path

# Actions somebody must be able to take back, each with the sentence that says what is missing.
_TAKEN_BACK = {
    "isolate": "isolated and not reopened",
    "quiesce": "quiesced and not unquiesced",
    "drain": "drained and not undrained",
    "fence": "fenced and not unfenced",
    "stop": "stopped and not started",
    "kill": "killed and not started",
}
# What brings a service back shows in its own probes, and a proven snapshot needs no further proof.
_SEEN_ANYWAY = ("start", "restart", "unquiesce", "undrain", "unfence", "restore", "fix")
_PROVES_ITSELF = ("verify-snapshot", "scale", "push", "branch", "test", "deploy")
# `flush` is no part of it: a snapshot that was proven says more.
_KEEPS_DATA = tuple(action for action in SAFELY if action != "flush")


def check_actions(
    document: Document[Any], name: str, service: ServiceDocument, found: Findings
) -> None:
    """Everything about the actions, levers and policies of one service."""
    path = ("services", name)
    _proofs(document, path, service, found)
    _ways_back(document, path, service, found)
    _data(document, path, service, found)
    _failures(document, path, service, found)
    _shares(document, path, service, found)
    for action in service.takes:
        if action not in service.actions:
            text = f"{name} says how long {action} takes, and has no such action"
            found.add("AP167", document.at(*path, "takes", action), text, f"add actions.{action}")
    for id, lever in service.levers.items():
        for word, proof in (("pulled", lever.pulled), ("released", lever.released)):
            if proof is None:
                text = f"nothing shows that the lever {id} of {name} is {word}"
                hint = f"add {word}: a probe that looks for itself"
                found.add("AP168", document.at(*path, "levers", id), text, hint)


def _proofs(document: Document[Any], path: Path, service: ServiceDocument, found: Findings) -> None:
    """Actions whose effect nothing but whoever acts speaks of; those of one proof once."""
    wanted: set[str] = set()
    for action in service.actions:
        proof = ACTIONS[action][1]
        shown = action in _PROVES_ITSELF or (action in _SEEN_ANYWAY and service.probes)
        if action == "snapshot" and "verify-snapshot" in service.actions:
            shown = True
        if shown or proof in service.verify or proof in wanted:
            continue
        wanted.add(proof)
        text = f"{path[1]} has the action {action}, and nothing verifies its effect"
        place = document.at(*path, "actions", action)
        found.add("AP094", place, text, f"add verify.{proof}: a probe that looks for itself")


def _ways_back(
    document: Document[Any], path: Path, service: ServiceDocument, found: Findings
) -> None:
    told: set[str] = set()
    for action, sentence in _TAKEN_BACK.items():
        back = ACTIONS[action][0]
        if action in service.actions and back not in service.actions and back not in told:
            told.add(back)
            place = document.at(*path, "actions", action)
            hint = f"add actions.{back}, or a person must do it by hand"
            found.add("AP096", place, f"{path[1]} can be {sentence}", hint)


def _data(document: Document[Any], path: Path, service: ServiceDocument, found: Findings) -> None:
    lacking = [action for action in _KEEPS_DATA if action not in service.actions]
    if service.stateful and "stop" in service.actions and lacking:
        text = f"{path[1]} has data and can be stopped without {', '.join(lacking)}"
        place = document.at(*path, "actions", "stop")
        hint = "add them, or a person must say so whenever it stops"
        found.add("AP162", place, text, hint)


def _failures(
    document: Document[Any], path: Path, service: ServiceDocument, found: Findings
) -> None:
    """What is written about a failed stop; what holds by default needs nothing of its own."""
    name, place = path[1], document.at(*path, "on_failure")
    if service.on_failure == "force":
        if service.protected or service.stateful:
            kind = "is protected" if service.protected else "has data"
            text = f"{name} {kind}, and is killed when its stop fails"
            found.add("AP163", place, text, "hold waits for a person; isolate cuts it off")
        _can(document, path, service, "kill", "stopped", found)
    elif service.on_failure == "isolate":
        _can(document, path, service, "isolate", "isolated", found)


def _can(
    document: Document[Any], path: Path, service: ServiceDocument, action: str, proof: str,
    found: Findings,
) -> None:  # fmt: skip
    lacking = [f"actions.{action}"] if action not in service.actions else []
    lacking += [f"verify.{proof}"] if proof not in service.verify else []
    if lacking:
        text = (
            f"{path[1]} is to be {action}d"
            if action == "isolate"
            else f"{path[1]} is to be {action}ed"
        )
        text = f"{text} when its stop fails, and has no {' and no '.join(lacking)}"
        hint = f"add {' and '.join(lacking)}; until then a failed stop waits for a person"
        found.add("AP164", document.at(*path, "on_failure"), text, hint)


def _shares(document: Document[Any], path: Path, service: ServiceDocument, found: Findings) -> None:
    """`{percent}` where a share of the capacity is set, and nowhere else."""
    for where, options in _options(service):
        filled = where in (("actions", "scale"), ("verify", "scaled"))
        for inner in _percents(options) if not filled else ():
            text = f"{PERCENT} stands in {'.'.join(where)}, where no share takes its place"
            place = document.at(*path, *where, "options", *inner)
            found.add("AP165", place, text, "it is filled in for scale and verify.scaled")
    scale = service.actions.get("scale")
    if scale and not any(_percents(scale.options)) and "scaled" not in service.verify:
        text = f"scale of {path[1]} has no {PERCENT} in its options, and no verify.scaled sees what it did"
        place = document.at(*path, "actions", "scale")
        found.add("AP166", place, text, f"write {PERCENT} where the wanted share belongs")


def _options(service: ServiceDocument) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The options of everything the service speaks through, and where they stand."""
    for id, probe in service.probes.items():
        yield ("probes", id), probe.options
    for purpose, action in service.actions.items():
        yield ("actions", str(purpose)), action.options
    for proof, verify in service.verify.items():
        yield ("verify", str(proof)), verify.options
    for id, one in service.diagnose.items():
        yield ("diagnose", id), one.options
    for id, lever in service.levers.items():
        for word in ("pull", "release", "pulled", "released"):
            part = getattr(lever, word)
            if part is not None:
                yield ("levers", id, word), part.options


def _percents(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where `{percent}` stands in options."""
    if isinstance(value, str) and PERCENT in value:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _percents(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _percents(inner, (*path, at))
