"""fleet.yaml of the demo: the six services, how each is watched, and all that may be done to it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from allstop.sandbox.books import BOOKS
from allstop.sandbox.layout import SERVICES, Layout

Part = dict[str, Any]

TITLES = {
    "gateway": "Gateway", "accounts": "Accounts", "payments": "Payments", "orders": "Orders",
    "catalog": "Catalogue", "analytics": "Analytics",
}  # fmt: skip
CATEGORIES = {
    "gateway": "customer-facing", "accounts": "customer-facing", "payments": "revenue", "orders": "revenue",
    "catalog": "customer-facing", "analytics": "analytics",
}  # fmt: skip
NEEDS = {
    "gateway": {
        "accounts": "hard", "catalog": "hard", "payments": "hard", "orders": "hard", "analytics": "soft",
    },
    "orders": {"catalog": "hard"},
}  # fmt: skip
STAGES = {
    "foundation": ("What others stand on", ("accounts", "catalog", "analytics")),
    "books": ("The books", ("payments", "orders")),
    "front": ("The front door", ("gateway",)),
}
# As measured on an idle machine, rounded up.
TAKES = {
    "quiesce": "100ms", "drain": "100ms", "fence": "300ms", "flush": "300ms", "snapshot": "300ms",
    "verify-snapshot": "400ms", "stop": "300ms", "kill": "300ms", "start": "600ms", "scale": "100ms",
    "unquiesce": "100ms", "undrain": "100ms", "unfence": "300ms", "isolate": "100ms", "reopen": "100ms",
}  # fmt: skip
LOOK = "900ms"
PATIENT_LOOK = "3s"


def fleet(
    folder: Path,
    record: Mapping[str, Any],
    *,
    interval: str,
    all_off: bool = False,
) -> Part:
    """The whole document. interval: between two rounds of probes.

    all_off: the front door is to be stopped as well. Then the books are protected, and nothing is offered that is
    done at the front door to somebody else, because it is down when they come back.
    """
    shop = _Shop(folder, record, at_the_front=not all_off)
    services = {
        name: shop.service(name)
        for name in ("gateway", *[one for one in SERVICES if one != "gateway"])
    }
    for name in BOOKS if all_off else ():
        services[name]["protected"] = True
    for service in services.values() if all_off else ():
        _be_patient(service["probes"], service["verify"])
    return {
        "schema": "allstop/1",
        "monitor": {"interval": interval, "known_good_after": "3s"},
        "services": services,
        "functions": {
            "buying": {
                "title": "buying", "core": True, "probe": "checkout",
                "services": ["gateway", "accounts", "catalog", "payments", "orders"],
            }
        },
        "meters": {
            "sales": {
                "adapter": "http", "timeout": LOOK, "options": {"url": f"{shop.urls['gateway']}/stats"},
                "reads": {
                    "attempts": "attempts", "failures": "failures", "lost": "lost", "currency": "currency",
                    "window_ms": "window_ms", "users": "customers_failed",
                },
            }
        },
        "stages": {name: {"title": title} for name, (title, _) in STAGES.items()},
        "isolation": ["payments", "orders", "accounts", "catalog", "analytics"],
        "limits": {"together": 4, "failures": 1},
    }  # fmt: skip


class _Shop:
    """The documents of one sandbox. urls, releases: by service; at_the_front: see `fleet`."""

    def __init__(self, folder: Path, record: Mapping[str, Any], *, at_the_front: bool) -> None:
        self.folder = folder
        self.at_the_front = at_the_front
        self.urls: Mapping[str, str] = record["urls"]
        self.releases: Mapping[str, str] = record["releases"]

    def service(self, name: str) -> Part:
        actions = self._actions(name)
        found: Part = {
            "title": TITLES[name],
            "category": CATEGORIES[name],
            "importance": 10 if name == "analytics" else 95,
            "stateful": name in BOOKS,
            "stage": next(stage for stage, (_, names) in STAGES.items() if name in names),
            "depends": NEEDS.get(name, {}),
            "probes": self._probes(name),
            "verify": self._proofs(name),
            "diagnose": self._diagnosis(name),
            "actions": actions,
            "takes": {action: TAKES[action] for action in actions if action in TAKES},
        }
        if name == "catalog" and self.at_the_front:
            found["levers"] = {"remembered-prices": self._lever()}
        return {key: value for key, value in found.items() if value != {}}

    # --- seeing ---

    def _probes(self, name: str) -> Part:
        url = self.urls[name]
        probes = {
            f"{name}-health": _look(f"{url}/health", fall=3, rise=2),
            f"{name}-deep": _look(f"{url}/deep", {"ok": True}, fall=3, rise=2),
        }
        if name == "gateway":
            probes["checkout"] = self._purchase("probe", [201], fall=3, rise=2)
        return probes

    def _proofs(self, name: str) -> Part:
        url = self.urls[name]
        port = {"host": "127.0.0.1", "port": urlsplit(url).port}
        proofs: Part = {
            "release": _look(f"{url}/health", {"release": "{release}"}),
            "quiesced": _look(f"{url}/admin/door", {"door": "closed"}),
            "drained": _look(f"{url}/admin/door", {"door": "closed", "busy": 0}),
            "unquiesced": _look(f"{url}/admin/door", {"door": "open"}),
            "undrained": _look(f"{url}/admin/door", {"door": "open"}),
            "stopped": {"adapter": "tcp", "timeout": LOOK, "options": {**port, "expect": "closed"}},
            "started": _look(f"{url}/health", {"service": name}),
        }
        if name == "gateway":
            return proofs | {"scaled": _look(f"{url}/admin/door", {"share": "{percent}"})}
        if name in BOOKS:
            for proof, verb in (
                ("fenced", "fenced"), ("unfenced", "unfenced"), ("flushed", "flushed"),
                ("snapshot", "kept"), ("verify-snapshot", "kept"),
            ):  # fmt: skip
                proofs[proof] = self._book_probe(name, verb)
        return proofs | (self._proofs_at_the_front(name) if self.at_the_front else {})

    def _proofs_at_the_front(self, name: str) -> Part:
        proofs: Part = {}
        front = self.urls["gateway"]
        # Isolation is proven from outside, by a purchase that is turned away for that very reason.
        proofs["isolated"] = self._purchase(
            "proof", [503], expect_json={"stage": name, "error": f"{name} is isolated"}
        )
        proofs["open"] = _look(f"{front}/admin/routes", {f"routes.{name}.state": "open"})
        if name == "catalog":
            proofs["scaled"] = _look(f"{front}/admin/levers", {"share": "{percent}"})
        return proofs

    def _purchase(self, order: str, status: list[int], **more: Any) -> Part:
        """A test purchase through the front door."""
        wish = {
            "order": f"{order}-{{unique}}", "customer": "probe", "sku": "mug", "quantity": 1, "synthetic": True,
        }  # fmt: skip
        expected = {"expect_json": more.pop("expect_json")} if "expect_json" in more else {}
        url = f"{self.urls['gateway']}/buy"
        options = {"url": url, "method": "POST", "expect_status": status, "json": wish, **expected}
        return {"adapter": "http", "timeout": LOOK, **more, "options": options}

    def _diagnosis(self, name: str) -> Part:
        log = str(Layout.of(self.folder).log(name))
        return {
            "recent-changes": {"adapter": "git-release", "verb": "history", "timeout": "5s", "options": {"repo": self.releases[name], "branch": "main"}},
            "service-state": {"adapter": "command", "verb": "read", "timeout": "5s", "options": {"argv": self._ctl("status", name)}},
            "recent-errors": {"adapter": "command", "verb": "read", "timeout": "5s", "options": {"argv": ["tail", "-n", "40", log]}},
            "health": {"adapter": "http", "verb": "read", "timeout": "2s", "options": {"url": f"{self.urls[name]}/health"}},
            "resources": {"adapter": "command", "verb": "read", "timeout": "5s", "options": {"argv": ["df", "-h", str(self.folder)]}},
        }  # fmt: skip

    # --- changing ---

    def _actions(self, name: str) -> Part:
        actions: Part = {
            "restart": self._process("restart", name),
            "rollback": {
                "adapter": "git-release", "verb": "rollback", "timeout": "10s",
                "options": {
                    "repo": self.releases[name], "branch": "main", "tree": "{release}",
                    "title": f"{name} to its last known good release",
                },
            },
            "quiesce": self._door(name, "closed", {"door": "closed"}),
            "unquiesce": self._door(name, "open", {"door": "open"}),
            "drain": self._door(name, "closed", {"door": "closed", "busy": 0}),
            "undrain": self._door(name, "open", {"door": "open"}),
        }  # fmt: skip
        if name in BOOKS:
            for action, verb in (
                ("fence", "fence"), ("unfence", "unfence"), ("flush", "flush"), ("snapshot", "snapshot"),
                ("verify-snapshot", "verify"),
            ):  # fmt: skip
                actions[action] = _ensure(self._book(name, verb))
        actions |= {verb: self._process(verb, name) for verb in ("stop", "kill", "start")}
        if name == "gateway":
            front = self.urls[name]
            actions["scale"] = _switch(
                f"{front}/admin/share", {"percent": "{percent}"}, f"{front}/admin/door", {"share": "{percent}"}
            )  # fmt: skip
            return actions
        return actions | (self._actions_at_the_front(name) if self.at_the_front else {})

    def _actions_at_the_front(self, name: str) -> Part:
        actions: Part = {}
        front = self.urls["gateway"]
        for purpose, state in (("isolate", "isolated"), ("reopen", "open")):
            actions[purpose] = {
                "adapter": "http", "verb": "put", "timeout": "3s",
                "options": {
                    "url": f"{front}/admin/routes/{name}",
                    "json": {"state": state, "epoch": "{epoch}", "key": "{key}"},
                    "observe_url": f"{front}/admin/routes",
                    "expect_json": {f"routes.{name}.state": state, f"routes.{name}.key": "{key}"},
                },
            }  # fmt: skip
        if name == "catalog":
            actions["scale"] = _switch(
                f"{front}/admin/shares/catalog", {"percent": "{percent}"},
                f"{front}/admin/levers", {"share": "{percent}"},
            )  # fmt: skip
        return actions

    def _lever(self) -> Part:
        front = self.urls["gateway"]
        url, read = f"{front}/admin/levers/remembered-prices", f"{front}/admin/levers"
        on, off = {"remembered_prices": True}, {"remembered_prices": False}
        return {
            "title": "Sell at remembered prices",
            "level": "major",
            "limit": "prices as they were seen last; what nobody has asked for yet is not sold",
            "expires": "2h",
            "pull": _switch(url, {"state": "on"}, read, on),
            "release": _switch(url, {"state": "off"}, read, off),
            "pulled": _look(read, on),
            "released": _look(read, off),
        }

    def _door(self, name: str, state: str, seen: Mapping[str, Any]) -> Part:
        url = f"{self.urls[name]}/admin/door"
        return _switch(url, {"state": state}, url, seen)

    def _process(self, verb: str, name: str) -> Part:
        return _ensure(self._ctl(verb, name))

    def _ctl(self, verb: str, name: str) -> list[str]:
        return [sys.executable, "-m", "allstop.sandbox", "ctl", str(self.folder), verb, name]

    def _book(self, name: str, verb: str) -> list[str]:
        return [sys.executable, "-m", "allstop.sandbox", "book", str(self.folder), name, verb]

    def _book_probe(self, name: str, verb: str) -> Part:
        options = {"argv": self._book(name, verb), "expect_output": f'"{verb}": true'}
        return {"adapter": "command", "timeout": "10s", "options": options}


def _look(url: str, expected: Mapping[str, Any] | None = None, **more: Any) -> Part:
    """A look at a URL, and what it must say."""
    options = {"url": url, **({"expect_json": dict(expected)} if expected else {})}
    return {"adapter": "http", "timeout": LOOK, **more, "options": options}


def _switch(url: str, body: Mapping[str, Any], read_url: str, seen: Mapping[str, Any]) -> Part:
    """An order that is done once it can be read back."""
    order = {**body, "epoch": "{epoch}", "key": "{key}"}
    options = {"url": url, "method": "PUT", "json": order, "read_url": read_url, "read_json": dict(seen)}  # fmt: skip
    return {"adapter": "http", "verb": "switch", "timeout": "5s", "options": options}


def _be_patient(*looks: dict[str, Part]) -> None:
    """Where nothing is to be detected fast, a busy machine must not pass for an outage."""
    for group in looks:
        for look in group.values():
            if look["timeout"] == LOOK:
                look["timeout"] = PATIENT_LOOK


def _ensure(argv: list[str]) -> Part:
    return {"adapter": "command", "verb": "ensure", "timeout": "15s", "options": {"argv": argv}}
