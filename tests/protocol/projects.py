"""A catalogue of made-up adapters, and project folders to load with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shutil import copyfile

from pydantic import BaseModel, ConfigDict

from allstop.protocol import AdapterEntry, Catalogue, Loaded, VerbEntry, by_model, load

DOCUMENTS = Path(__file__).parent.parent / "documents"
SHOP = DOCUMENTS / "good" / "shop"


# The day all of it is checked on.
TODAY = date(2026, 11, 21)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Web(_Strict):
    url: str
    expect: int = 200


class Unit(_Strict):
    name: str
    to: str = ""


class Valve(_Strict):
    grace: int = 10_000


class Share(_Strict):
    percent: int
    steps: list[int] = []


class Board(_Strict):
    room: str


class Robot(_Strict):
    home: str


class Whistle(_Strict):
    file: str
    log: str = ""


CATALOGUE = Catalogue(
    adapters=(
        AdapterEntry("web", ("probe",), options={"probe": by_model(Web)}),
        AdapterEntry(
            "unit",
            ("actuator",),
            verbs=tuple(
                VerbEntry(name, by_model(Unit), read_only=name == "log")
                for name in ("cut", "join", "back", "restart", "log")
            ),
        ),
        AdapterEntry(
            "valve",
            ("actuator",),
            verbs=(
                VerbEntry("stop", by_model(Valve), grace_ms=10_000),
                VerbEntry("kill", by_model(Valve), grace_ms=10_000),
                VerbEntry("turn", by_model(Share)),
            ),
        ),
        AdapterEntry("board", ("notifier",), options={"notifier": by_model(Board)}),
        AdapterEntry("robot", ("agent",), options={"agent": by_model(Robot)}),
        AdapterEntry("whistle", ("agent",), options={"agent": by_model(Whistle)}, proofs=("log",)),
    ),
    unavailable={"broken": "no module named broken"},
)


def project(folder: Path, *, replaced: dict[str, bytes | str]) -> Loaded:
    """The shop in `folder`, with some files replaced (or added), loaded.

    Its own protocol is also there as `shop.yaml`, to be extended.
    """
    for file in SHOP.iterdir():
        copyfile(file, folder / file.name)
    copyfile(SHOP / "protocol.yaml", folder / "shop.yaml")
    for name, content in replaced.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(raw)
    return load(folder, CATALOGUE, TODAY)


def protocol(folder: Path, text: str) -> Loaded:
    """The shop with a protocol that extends it by `text`."""
    head = "schema: allstop/1\nname: team\nextends: ./shop.yaml\n"
    return project(folder, replaced={"protocol.yaml": head + text})
