"""Finding adapters: ours, other people's, and broken ones."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allstop.adapters.http_probe import HttpProbeOptions
from allstop.adapters.tcp_probe import TcpProbe
from allstop.application.ports import AdapterInfo, Adapters
from allstop.plugins import BUILT_IN, GROUP, InstalledAdapters
from allstop.protocol.catalogue import by_model


def test_every_built_in_is_there() -> None:
    """Given the source tree alone, all built-ins load, with the names documents use."""
    found: Adapters = InstalledAdapters()
    assert found.unavailable() == {}
    names = [info.name for info in found.infos()]
    assert names == sorted(
        {"http", "tcp", "command", "git-release", "chat-file", "webhook", "agent-process"}
        | {"haproxy", "redis", "flag-file"}
        | {"postgres", "pgbouncer", "ssh", "container", "model-key"}
        | {"process", "supervisor", "disk", "memory", "cpu", "file", "log", "prometheus"}
    )
    assert found.probe("http") is not None
    assert found.actuator("http") is not None
    assert found.probe("git-release") is None
    assert found.actuator("tcp") is None
    assert found.probe("nonsense") is None


def test_a_probe_and_an_actuator_of_one_name_are_shown_as_one() -> None:
    """Given `http` as probe and actuator, one info has both ports, the options and the verbs."""
    info = next(info for info in InstalledAdapters().infos() if info.name == "http")
    assert set(info.ports) == {"probe", "actuator"}
    assert info.probe_options is HttpProbeOptions
    assert {verb.name for verb in info.verbs} == {"put", "switch", "read"}


def broken() -> dict[str, Any]:
    """What other people's modules may hold."""

    class NoInfo:
        pass

    class Raises:
        def __init__(self) -> None:
            raise RuntimeError("no licence")

    class Exits:
        def __init__(self) -> None:
            sys.exit(3)

    class NoMethods:
        info = AdapterInfo("x", "x", "1", ("actuator",))

    class Taken(TcpProbe):
        pass

    return {
        "NoInfo": NoInfo,
        "Raises": Raises,
        "Exits": Exits,
        "NoMethods": NoMethods,
        "Taken": Taken,
    }


def test_a_broken_adapter_is_listed_and_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given adapters that cannot be loaded, each is named with its reason, the others work."""
    module = types.ModuleType("other_people")
    vars(module).update(broken())
    monkeypatch.setitem(sys.modules, "other_people", module)
    entries = [EntryPoint("tcp-probe", BUILT_IN["tcp-probe"], GROUP)]
    entries += [EntryPoint(name, f"other_people:{name}", GROUP) for name in broken()]
    entries += [EntryPoint("gone", "no_such_module:X", GROUP)]
    found = InstalledAdapters(entries)
    reasons = found.unavailable()
    assert set(reasons) == {*broken(), "gone"}
    assert reasons["Raises"] == "RuntimeError: no licence"
    assert "taken" in reasons["Taken"]
    assert type(found.probe("tcp")) is TcpProbe


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"url": "http://x"}, set()),
        ({"url": 3, "method": "PATCH", "nope": 1}, {("url",), ("method",), ("nope",)}),
        ({"url": "http://x", "max_bytes": "1"}, {("max_bytes",)}),
        ({}, {("url",)}),
    ],
)
def test_all_faults_of_options_are_found_at_once(options: dict[str, Any], places: set[Any]) -> None:
    """Given bad options, every fault is reported with its place."""
    assert {fault.path for fault in by_model(HttpProbeOptions)(options)} == places


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_options_of_any_shape_are_judged_not_raised(options: dict[str, Any]) -> None:
    """Given whatever a document may hold, each model answers with faults, never with a trace."""
    for info in InstalledAdapters().infos():
        for model in (info.probe_options, *(verb.options for verb in info.verbs)):
            if model is not None:
                assert by_model(model)(options)
