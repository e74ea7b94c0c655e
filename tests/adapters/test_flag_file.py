"""The actuator and the probe `flag-file`: off is latched, and whatever is wrong with a file reads as off."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allstop.adapters.flags.actuator import FlagFile
from allstop.adapters.flags.document import is_on
from allstop.adapters.flags.probe import FlagProbe
from allstop.domain.effects import Ending, Outcome
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters.worlds import Blobs, effect

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fleet" / "adapters" / "flag-file.md"


def from_the_docs() -> Callable[[str, str], bool]:
    """The reader that the docs give to applications."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    return names["flag_is_on"]  # type: ignore[no-any-return]


def flags(path: Path, **states: Any) -> Path:
    """A flag file; each flag true, false, or a whole record."""
    records = {
        name: state if isinstance(state, dict) else {"on": state} for name, state in states.items()
    }
    path.write_text(json.dumps({"v": 1, "flags": records}))
    return path


def record(path: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["flags"][name]
    return found


class TestFlagFile(ActuatorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ActuatorCase:
        killed = flags(tmp_path / "killed.json", shop=True, other=True)
        revived = flags(tmp_path / "revived.json", shop={"on": False, "epoch": 3})
        reader = from_the_docs()
        damaged = tmp_path / "damaged.json"
        damaged.write_text("{")
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        return ActuatorCase(
            FlagFile(),
            (
                VerbCase(
                    "off",
                    {"path": str(killed), "flag": "shop"},
                    lambda: (reader(str(killed), "shop"), reader(str(killed), "other")),
                    (False, True),
                    fenced=True,
                ),
                VerbCase(
                    "on",
                    {"path": str(revived), "flag": "shop"},
                    lambda: reader(str(revived), "shop"),
                    True,
                    fenced=True,
                ),
            ),
            trouble=(
                ("off", {"path": str(killed), "flag": "shoq"}),
                ("on", {"path": str(killed), "flag": "shoq", "create": True}),
                ("off", {"path": str(tmp_path / "none.json"), "flag": "shop"}),
                ("off", {"path": str(tmp_path / "none" / "x.json"), "flag": "shop"}),
                ("on", {"path": str(damaged), "flag": "shop"}),
                ("off", {"path": str(killed), "flag": "../killed"}),
                ("off", {"path": str(pipe), "flag": "shop"}),
            ),
        )


class TestFlagProbe(ProbeContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ProbeCase:
        path = flags(tmp_path / "flags.json", shop=True)
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        damaged = []
        for number, body in enumerate(
            (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"v": 1}', b"null")
        ):
            damaged.append(tmp_path / f"damaged-{number}")
            damaged[-1].write_bytes(body)
        return ProbeCase(
            FlagProbe(),
            good={"path": str(path), "flag": "shop", "expect": "on"},
            bad={"path": str(path), "flag": "shop", "expect": "off"},
            silent={"path": str(pipe), "flag": "shop", "expect": "off"},
            impossible={"path": str(path), "flag": "shoq", "expect": "off"},
            absent={"path": str(tmp_path / "none"), "flag": "shop", "expect": "off"},
            garbage=tuple(
                {"path": str(one), "flag": "shop", "expect": expect}
                for one in damaged
                for expect in ("on", "off")
            ),
            look=path.read_text,
        )


async def act(verb: str, path: Path, epoch: int = 5, **more: Any) -> Outcome:
    options = {"path": str(path), "flag": "shop", **more}
    return await FlagFile().act(effect(verb, options, epoch=epoch), Blobs())


async def measure(path: Path, expect: str) -> tuple[bool | None, str, dict[str, Any]]:
    options = {"path": str(path), "flag": "shop", "expect": expect}
    sample, facts = await FlagProbe().measure("p", options, 2000)
    return sample.good, sample.text, facts


# --- the latch -------------------------------------------------------------------------------


async def test_off_is_latched_with_who_and_why(tmp_path: Path) -> None:
    """Given a flag that is on, off says why, by which order and when, and leaves the rest alone."""
    path = flags(tmp_path / "flags.json", shop={"on": True, "owner": "team checkout"}, other=True)

    outcome = await act("off", path, reason="double charges")

    assert (outcome.ending, outcome.because) == (Ending.DONE, "shop is off, by order 5")
    said = record(path, "shop")
    assert (said["on"], said["epoch"], said["reason"]) == (False, 5, "double charges")
    assert (said["by"], said["owner"]) == ("incident/INC-1:7:0", "team checkout")
    assert record(path, "other") == {"on": True}
    good, text, facts = await measure(path, "off")
    assert (good, facts["reason"]) == (True, "double charges")
    assert text.endswith(": double charges")


async def test_only_a_newer_order_lifts_the_latch(tmp_path: Path) -> None:
    """Given a flag that order 5 turned off, orders 4 and 5 do not turn it on; order 6 does."""
    path = flags(tmp_path / "flags.json", shop=True)
    await act("off", path)

    for epoch, because in (
        (4, "a newer order stands: 5, not 4"),
        (5, "order 5 turned it off: only a newer one turns it on"),
    ):
        refused = await act("on", path, epoch=epoch)
        assert (refused.ending, refused.because) == (Ending.FAILED, because)
        assert not is_on(str(path), "shop")

    assert (await act("on", path, epoch=6)).ending is Ending.DONE
    assert is_on(str(path), "shop")


async def test_under_one_number_off_wins(tmp_path: Path) -> None:
    """Given an `on` and an `off` of one order, in whatever sequence, the flag ends off."""
    path = flags(tmp_path / "flags.json", shop=False)
    await act("on", path)
    assert (await act("off", path)).ending is Ending.DONE
    assert (await act("on", path)).ending is Ending.FAILED
    assert not is_on(str(path), "shop")


async def test_an_old_off_does_not_undo_a_newer_on(tmp_path: Path) -> None:
    """Given an order that comes late, it is refused in both directions."""
    path = flags(tmp_path / "flags.json", shop=True)
    await act("on", path, epoch=9)
    assert (await act("off", path, epoch=8)).because == "a newer order stands: 9, not 8"
    assert is_on(str(path), "shop")


async def test_both_at_once_end_off(tmp_path: Path) -> None:
    """Given many orders of one number at the same time, the flag ends off, and the file is whole."""
    path = flags(tmp_path / "flags.json", shop=True)
    await asyncio.gather(*(act("on" if n % 2 else "off", path) for n in range(20)))
    assert record(path, "shop")["on"] is False
    assert [one.name for one in tmp_path.iterdir() if "damaged" in one.name] == []


# --- in doubt, off ---------------------------------------------------------------------------


async def test_a_damaged_file_is_replaced_by_off_and_not_by_on(tmp_path: Path) -> None:
    """Given a file without sense, off works and keeps what was there; on wants a person to look."""
    path = tmp_path / "flags.json"
    path.write_text('{"v": 1, "flags": {"shop": {"on": true}')
    assert not is_on(str(path), "shop")
    refused = await act("on", path)
    assert (refused.ending, "makes no sense" in refused.because) == (Ending.FAILED, True)

    outcome = await act("off", path)

    assert outcome.because == "shop is off, by order 5; the damaged file lies beside it"
    kept = tmp_path / "flags.json.damaged-0"
    assert kept.read_text() == '{"v": 1, "flags": {"shop": {"on": true}'
    assert record(path, "shop")["epoch"] == 5
    path.write_text("[]")
    assert (await act("off", path)).ending is Ending.DONE
    assert (tmp_path / "flags.json.damaged-1").read_text() == "[]"


async def test_a_damaged_file_proves_nothing(tmp_path: Path) -> None:
    """Given a file without sense, it is off for applications, but nobody says that it shall be."""
    path = tmp_path / "flags.json"
    path.write_text("{")
    good, text, facts = await measure(path, "off")
    assert (good, facts) == (None, {"on": False})
    assert text.endswith("it reads as off")
    assert (await measure(path, "on"))[0] is False


@pytest.mark.parametrize(
    "shop", [1, "true", None, [], {}, {"on": 1}, {"on": "true"}, {"on": None}, {"epoch": 9}]
)
async def test_only_true_is_on(tmp_path: Path, shop: object) -> None:
    """Given something like true, it is off; off makes a proper record of it, and on does not."""
    path = tmp_path / "flags.json"
    path.write_text(json.dumps({"v": 1, "flags": {"shop": shop, "other": {"on": True}}}))
    assert not is_on(str(path), "shop")
    assert not from_the_docs()(str(path), "shop")
    assert (await act("on", path)).ending is Ending.FAILED
    assert (await act("off", path)).ending is Ending.DONE
    assert record(path, "shop")["on"] is False
    assert is_on(str(path), "other"), "one bad record takes no other with it"


async def test_a_key_that_stands_twice_is_doubt(tmp_path: Path) -> None:
    """Given a file that says both, no reader may choose."""
    path = tmp_path / "flags.json"
    path.write_text('{"v": 1, "flags": {"shop": {"on": false, "on": true}}}')
    assert not is_on(str(path), "shop")
    assert not from_the_docs()(str(path), "shop")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**30) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["v", "flags", "shop", "on", "epoch"]), inner, max_size=4)
    ),
    max_leaves=8,
)
RECORDS = st.fixed_dictionaries({"on": st.booleans() | VALUES}, optional={"epoch": VALUES})
DOCUMENTS = st.fixed_dictionaries(
    {"v": st.sampled_from([1, 1, True, 1.0, 2, "1"])},
    optional={"flags": st.fixed_dictionaries({"shop": RECORDS | VALUES}) | VALUES},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | (DOCUMENTS | VALUES).map(lambda value: json.dumps(value).encode())
    | DOCUMENTS.map(lambda value: json.dumps(value).encode()[:-1])
)
def test_whatever_the_file_holds_both_readers_agree_and_never_raise(
    tmp_path: Path, body: bytes
) -> None:
    """Given any bytes, ours and the one in the docs say the same; and on needs a plain true."""
    path = tmp_path / "flags.json"
    path.write_bytes(body)
    seen = is_on(str(path), "shop")
    assert from_the_docs()(str(path), "shop") is seen
    if seen:
        assert json.loads(body)["flags"]["shop"]["on"] is True


# --- places ----------------------------------------------------------------------------------


async def test_a_folder_holds_a_file_for_each_flag(tmp_path: Path) -> None:
    """Given a folder, each flag has a file of its own, and the same rules."""
    (tmp_path / "shop.json").write_text('{"v": 1, "on": true, "owner": "checkout"}')
    (tmp_path / "other.json").write_text("{")

    assert is_on(str(tmp_path), "shop")
    assert (await act("off", tmp_path)).ending is Ending.DONE

    said = json.loads((tmp_path / "shop.json").read_text())
    assert (said["on"], said["epoch"], said["owner"], said["v"]) == (False, 5, "checkout", 1)
    assert (await measure(tmp_path, "off"))[0] is True
    wrong = await act("off", tmp_path, flag="shoq")
    assert wrong.because == "no flag shoq, only other, shop"
    assert (await act("off", tmp_path, flag="other")).ending is Ending.DONE
    assert (await act("on", tmp_path, epoch=6)).ending is Ending.DONE
    assert is_on(str(tmp_path), "shop")


async def test_a_misspelt_flag_makes_no_file_and_no_lock(tmp_path: Path) -> None:
    """Given a path or a name that does not exist, it fails, and nothing was left there."""
    path = flags(tmp_path / "flags.json", shop=True, cart=True)
    assert (await act("off", path, flag="shoq")).because == "no flag shoq, only cart, shop"
    lost = await act("off", tmp_path / "flags.jsn")
    assert (lost.ending, "no flag file" in lost.because) == (Ending.FAILED, True)
    names = {one.name for one in tmp_path.iterdir()}
    assert names <= {"flags.json", "flags.json.lock"}
    assert record(path, "shop") == {"on": True}


async def test_a_flag_may_be_made_when_asked(tmp_path: Path) -> None:
    """Given `create`, off makes the flag, so that whoever writes `on` under it later is told."""
    path = tmp_path / "flags.json"
    assert (await act("on", path, create=True)).ending is Ending.FAILED
    assert (await act("off", path, create=True)).ending is Ending.DONE
    assert record(path, "shop")["on"] is False
    assert (await act("off", path, flag="second", create=True)).ending is Ending.DONE
    assert record(path, "shop")["on"] is False


async def test_a_link_stays_a_link_and_rights_stay_rights(tmp_path: Path) -> None:
    """Given a symbolic link to a file others read, what it points to is replaced, with its rights."""
    target = flags(tmp_path / "target.json", shop=True)
    target.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(target)

    assert (await act("off", link)).ending is Ending.DONE

    assert link.is_symlink()
    assert record(target, "shop")["on"] is False
    assert target.stat().st_mode & 0o777 == 0o640


async def test_whoever_could_read_the_file_still_can(tmp_path: Path) -> None:
    """Given a file that only its owner and group may read, when a flag in it is turned off, then it is still theirs: an
    application that can read it no more takes all of its flags for off."""
    path = flags(tmp_path / "flags.json", shop=True, other=True)
    path.chmod(0o640)
    theirs = (65_534, 65_534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *theirs)

    assert (await act("off", path)).ending is Ending.DONE

    assert (path.stat().st_uid, path.stat().st_gid) == theirs
    assert path.stat().st_mode & 0o777 == 0o640


async def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    """Given something that is no ordinary file, off does not put one in its place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for more in ({}, {"create": True}):
        outcome = await act("off", pipe, **more)
        assert (outcome.ending, "no ordinary file" in outcome.because) == (Ending.FAILED, True)
    assert pipe.is_fifo()


async def test_a_file_held_by_somebody_else_is_later(tmp_path: Path) -> None:
    """Given a lock that is held, nothing has happened: try again."""
    path = flags(tmp_path / "flags.json", shop=True)
    handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        options = {"path": str(path), "flag": "shop"}
        outcome = await FlagFile().act(effect("off", options, timeout_ms=300), Blobs())
    finally:
        os.close(handle)
    assert outcome.ending is Ending.RETRY
    assert is_on(str(path), "shop")


async def test_a_check_beforehand_writes_nothing(tmp_path: Path) -> None:
    """Given options, `verify` says whether the flag is there and could be written."""
    path = flags(tmp_path / "flags.json", shop=True)
    before = path.read_bytes()

    async def verify(**options: Any) -> tuple[Ending, str]:
        outcome = await FlagFile().verify({"path": str(path), "flag": "shop", **options}, 2000)
        return outcome.ending, outcome.because

    assert await verify() == (Ending.DONE, "shop is on")
    assert await verify(flag="shoq") == (Ending.FAILED, "no flag shoq, only shop")
    assert (await verify(flag="shoq", create=True))[0] is Ending.DONE
    assert (await verify(path=str(tmp_path / "none.json")))[0] is Ending.FAILED
    assert (await verify(path=str(tmp_path / "none" / "none.json")))[0] is Ending.FAILED
    assert (await verify(surplus=1))[0] is Ending.FAILED
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["flags.json"]


async def test_observation_knows_its_own_order(tmp_path: Path) -> None:
    """Given a flag that another order turned off, an observation does not claim it for this one."""
    path = flags(tmp_path / "flags.json", shop=True)
    await act("off", path, epoch=4)
    wanted = effect("off", {"path": str(path), "flag": "shop"}, epoch=5)
    assert (await FlagFile().observe(wanted)).ending is Ending.FAILED
    await act("off", path, epoch=5)
    assert (await FlagFile().observe(wanted)).ending is Ending.DONE
