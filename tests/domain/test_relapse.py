"""When it comes back while everybody watches: it is said, told, and what rested on stability is void."""

from __future__ import annotations

from allstop.domain.incident.commands import Approve, StandDown
from tests.domain.builders import ADA, Story
from tests.domain.test_standing_down import repaired


def stable(story: Story) -> Story:
    """Good samples until the last gate has passed."""
    for _ in range(15 * 60 + 5):
        story.wait(1000).sample()
    return story.settle()


def test_a_bad_sample_in_the_last_phase_is_said_and_told() -> None:
    """Given a window half full, when a probe fails, then the timeline says so and everybody is told."""
    story = repaired()
    for _ in range(60):
        story.wait(1000).sample()

    story.wait(1000).sample(checkout=False)
    story.wait(1000).sample(checkout=False)

    assert story.kinds().count("stability.lost") == 1
    told = [one.subject for one in story.world.incidents["INC-1"].notifications.values()]
    assert "INC-1: it is back" in told


def test_resolved_and_approval_do_not_outlive_a_relapse() -> None:
    """Given a resolved incident with an approval, when it comes back, then both have to be earned again."""
    story = stable(repaired())
    assert "resolved" in story.world.incidents["INC-1"].milestones
    story.when(Approve("INC-1", "stand-down"), ADA)

    story.wait(1000).sample(checkout=False)

    incident = story.world.incidents["INC-1"]
    assert "resolved" not in incident.milestones
    assert "stand-down" not in incident.approvals
    assert story.when(StandDown("INC-1", "done"), ADA).refused is not None
    assert "resolved" in stable(story).world.incidents["INC-1"].milestones
