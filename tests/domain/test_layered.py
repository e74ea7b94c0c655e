"""A mapping that shares most of itself with the version before is what a dict would be."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from allstop.domain import layered
from allstop.domain.layered import LARGE, Layered, changed

CHANGES = st.lists(
    st.dictionaries(st.integers(0, 2 * LARGE).map(str), st.integers(), max_size=40), max_size=60
)
STARTS = st.sampled_from([0, LARGE - 1, LARGE, 2 * LARGE])


@given(STARTS, CHANGES)
def test_it_holds_what_a_dict_would_in_the_same_order(size: int, changes: list[dict[str, int]]) -> None:  # fmt: skip
    """Given any changes one after another, then every version stays what it was, as the same dict would be."""
    found: Mapping[str, int] = {str(at): -at for at in range(size)}
    wanted = dict(found)
    versions = []
    for more in changes:
        versions.append((found, dict(wanted)))
        found, wanted = changed(found, more), {**wanted, **more}
    for one, whole in [*versions, (found, wanted)]:
        assert list(one.items()) == list(whole.items())
        assert (list(one), list(one.values()), len(one)) == (
            [*whole],
            [*whole.values()],
            len(whole),
        )
        assert one == whole
        assert all(name in one and one[name] == value for name, value in whole.items())
        assert one.get("nobody") is None
        assert "nobody" not in one


def test_a_large_one_shares_what_has_not_changed() -> None:
    """Given a large mapping, when one entry changes, then the rest is not copied; when many have, it is once."""
    begun = changed({str(at): at for at in range(4 * LARGE)}, {})
    assert isinstance(begun, Layered)
    found, laid_down = begun, 0
    for at in range(200):
        after = found.changed({str(at): -1})
        laid_down += after._below is not found._below
        found = after
    assert 0 < laid_down < 10
    assert found["3"] == -1
    assert begun["3"] == 3


def test_it_can_be_copied_and_sent_to_another_process() -> None:
    found = changed({str(at): at for at in range(LARGE + 1)}, {"1": 7})
    assert pickle.loads(pickle.dumps(found)) == found
    assert copy.deepcopy(found) == found
    assert repr(found) == repr(dict(found))
    assert layered.changed({}, {"a": 1}) == {"a": 1}
