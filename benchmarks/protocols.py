"""How far the tables of every built-in protocol answer, and how long reading, checking and compiling one takes.

Cold is the first protocol of a fresh process, after its imports; whole is one more in the same process with
nothing kept; warm keeps what was parsed, as a running coordinator does. Beside them, in the same round: PyYAML
alone on the same text (its C loader, which we use as well, and the Python one), and pydantic alone on the same
values. Rounds are interleaved, and ratios are taken within a round. Times are those of the processor: nothing
here waits for anything, and so a busy host does not stretch them.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import yaml

from allstop.protocol import inherit, load_protocol, packs, totality
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.inherit import Source, pack_text, read_chain
from allstop.protocol.reader import plain
from allstop.protocol.shape import without_nothing

ROUNDS = 9
COLD = """
import json, sys, time
began = time.process_time()
from allstop.protocol import load_protocol
imported = time.process_time()
found = load_protocol(sys.argv[1])
ended = time.process_time()
assert found.protocol is not None and not found.problems
print(json.dumps([1000 * (imported - began), 1000 * (ended - imported)]))
"""


def measure() -> dict[str, object]:
    return {"tables": tables(), "times_ms": times()}


def tables() -> dict[str, object]:
    """Every table of every pack, searched over its whole fact space."""
    found: dict[str, object] = {}
    for pack in packs():
        protocol = load_protocol(pack).protocol
        assert protocol is not None
        began = time.process_time()
        reports = totality(protocol)
        spent = 1000 * (time.process_time() - began)
        found[pack] = {
            one.name: {
                "rows": one.rows, "situations": one.situations, "gaps": one.gaps,
                "contradictions": one.contradictions, "dead": one.dead, "exact": one.exact,
            }
            for one in reports
        } | {"searched_ms": spent}  # fmt: skip
    return found


def times() -> dict[str, dict[str, object]]:
    rounds = [{pack: _round(pack) for pack in packs()} for _ in range(ROUNDS)]
    return {
        pack: _told({name: [one[pack][name] for one in rounds] for name in rounds[0][pack]})
        for pack in packs()
    }


def _round(pack: str) -> dict[str, float]:
    """One of each, in milliseconds."""
    texts = [pack_text(name) for name in (pack, "base")]
    root, _, _ = read_chain(Source(f"packs/{pack}.yaml", None, pack))
    assert root is not None
    values = plain(without_nothing(root))
    imported, cold = _cold(pack)

    def whole() -> None:
        inherit._pack.cache_clear()  # noqa: SLF001 (what is kept is what must not be measured)
        load_protocol(pack)

    def parsed(loader: type) -> None:
        for text in texts:
            yaml.load(text, loader)  # noqa: S506 (the two safe loaders)

    return {
        "import": imported,
        "cold": cold,
        "whole": _timed(whole),
        "warm": _timed(lambda: load_protocol(pack)),
        "yaml": _timed(lambda: parsed(yaml.CSafeLoader)),
        "yaml in Python": _timed(lambda: parsed(yaml.SafeLoader)),
        "pydantic": _timed(lambda: ProtocolDocument.model_validate(values)),
    }


def _cold(pack: str) -> tuple[float, float]:
    ran = subprocess.run(
        [sys.executable, "-c", COLD, pack], check=True, capture_output=True, text=True
    )
    imported, first = json.loads(ran.stdout)
    return imported, first


def _timed(what: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    what()
    return 1000 * (time.process_time() - began)


def _told(found: dict[str, list[float]]) -> dict[str, object]:
    """Median, lowest and highest of each; ratios of a round to the two things done alone in it."""
    told: dict[str, object] = {
        name: [statistics.median(each), min(each), max(each)] for name, each in found.items()
    }
    alone = [one + other for one, other in zip(found["yaml"], found["pydantic"], strict=True)]
    pure = found["yaml in Python"]
    ratios = {
        "whole to yaml": (found["whole"], found["yaml"]),
        "whole to yaml in Python": (found["whole"], pure),
        "whole to yaml and pydantic": (found["whole"], alone),
    }
    for name, (ours, theirs) in ratios.items():
        each = [one / other for one, other in zip(ours, theirs, strict=True)]
        told[name] = [statistics.median(each), min(each), max(each)]
    return told
