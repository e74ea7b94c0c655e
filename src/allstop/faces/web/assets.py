"""Style, script and icon: in memory, under names that change with their content."""

from __future__ import annotations

import hashlib
from importlib.resources import files

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class Assets:
    """href: where a page finds a file; body: content and type by the name in that address."""

    def __init__(self) -> None:
        self._hrefs: dict[str, str] = {}
        self._bodies: dict[str, tuple[bytes, str]] = {}
        for file in files("allstop.faces.web").joinpath("static").iterdir():
            stem, _, ending = file.name.rpartition(".")
            if ending not in TYPES:
                continue
            body = file.read_bytes()
            name = f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
            self._hrefs[file.name] = f"/static/{name}"
            self._bodies[name] = (body, TYPES[ending])

    def href(self, name: str) -> str:
        return self._hrefs[name]

    def body(self, name: str) -> tuple[bytes, str] | None:
        return self._bodies.get(name)
