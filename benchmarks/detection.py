"""From the fault to the declaration, on the real shop with the default monitor (a round every 2 s, three bad ones).

The phase between fault and round is what varies; each round kills the orders process at another
moment. The floor is two intervals (three bad samples), the ceiling three intervals and a time-out.
"""

from __future__ import annotations

import contextlib
import time
from datetime import datetime

from allstop.sandbox.demo_cast import Api
from allstop.sandbox.demo_stage import stage
from allstop.sandbox.documents import Pace

ROUNDS = 5
INTERVAL = "2s"


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds from fault to declaration: median, best and worst of `rounds`."""
    times = []
    for number in range(rounds):
        with stage(Pace(interval=INTERVAL), keep=False, rate=8) as scene:
            api = Api(scene.url, scene.tokens["dana"])
            _until_well(api)
            time.sleep(0.37 * number)
            began = time.time()
            scene.control.inject("killed-process")
            times.append(_declared_at(api) - began)
            api.close()
    times.sort()
    return {
        "rounds": rounds,
        "median_s": times[len(times) // 2],
        "best_s": times[0],
        "worst_s": times[-1],
    }


def _until_well(api: Api) -> None:
    for _ in range(200):
        if all(one["state"] == "up" and one["known_good"] for one in api.get("/services")):
            return
        time.sleep(0.1)
    raise TimeoutError("the shop did not become healthy")


def _declared_at(api: Api) -> float:
    for _ in range(400):
        with contextlib.suppress(OSError):
            found = api.get("/incidents")
            if found:
                return datetime.fromisoformat(found[0]["declared_at"]).timestamp()
        time.sleep(0.05)
    raise TimeoutError("nothing was declared within 20 s")
