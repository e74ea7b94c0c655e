"""What comes out of ordinary protocols in many styles: which value, from which line, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.protocol.importing import Imported, import_markdown

TEXTS = Path(__file__).parent / "texts"

# By file: each path with its value and its line.
PLACED: dict[str, list[tuple[str, str, int]]] = {
    "01-runbook": [
        ("severities.SEV1.respond_within", "15m", 9), ("severities.SEV2.respond_within", "30m", 10),
        ("severities.SEV1.update_every", "30m", 9), ("severities.SEV3.respond_within", "1bd", 11),
        ("classification[0].when.core_functions_down", "{at_least: 1}", 9), ("roles.scribe.duties", "keeps notes", 17),
        ("phases.detect.actions[0]", "Detect the problem", 21), ("phases.contain.actions[2]", "Isolate the broken service", 26),
        ("phases.resolve.actions[0]", "apply the fix", 27), ("escalation.chain[1]", "engineering-manager", 32),
        ("escalation.every", "10m", 34), ("obligations.write-a-postmortem-within-48-hours.within", "48h", 38),
    ],
    "02-skill": [
        ("name", "red-alert", 2), ("activation.phrases[0]", "battle stations", 3), ("activation.phrases[2]", "all hands on deck", 4),
        ("activation.phrases[4]", "emergency stop", 16), ("review.every", "90d", 8), ("review.last", "2026-02-03", 9),
        ("activation.kinds.complete-outage-of-the-shop.title", "Complete outage of the shop", 17),
        ("severities.RED.title", "Critical", 22), ("severities.ORANGE.update_every", "10m", 31),
        ("emergency_mode.suspend.house-points", "House points", 37), ("crews.healers.objective", "repair the cause", 52),
        ("ledger.rules.causer.points", "-10", 58), ("stand_down.still-stable.stable_for", "30m", 63),
        ("stand_down.all-messages-answered.statement", "all-messages-answered", 65), ("drills.quarterly.every", "90d", 69),
    ],
    "03-corporate": [
        ("title", "1.0 Incident Management Policy", 1), ("severities.P1.respond_within", "15m", 7), ("severities.P3.respond_within", "1bd", 9),
        ("severities.P1.update_every", "2h", 19), ("roles.commander.title", "Incident Manager", 13), ("calendar.zone", "Europe/London", 28),
        ("calendar.hours.fri", "09:00-17:30", 28), ("calendar.holidays[0]", "2026-12-25", 29), ("calendar.holidays[1]", "2027-01-01", 30),
        ("review.every", "365d", 34),
    ],
    "04-transposed": [
        ("severities.SEV-1.title", "Critical", 7), ("severities.SEV-2.respond_within", "30m", 9), ("severities.SEV-2.update_every", "1h", 10),
        ("severities.SEV-3.targets.resolve", "5d", 11), ("classification[1].when.users", "{more_than: 5000}", 8),
        ("objectives.core-api.rto.SEV-3", "1bd", 18), ("roles.operations.title", "Tech Lead", 26),
    ],
    "05-tables": [
        ("objectives.tier-1.rpo", "1m", 7), ("escalation.chain[3]", "ceo", 18), ("escalation.every", "15m", 16),
        ("severities.P2.update_every", "30m", 25), ("severities.P2.respond_within", "1h", 32), ("severities.P1.respond_within", "1m", 31),
        ("classification[0].when.lost_per_hour", "{more_than: 10000 USD}", 31), ("roles.commander.duties", "Decides and coordinates", 38),
    ],
    "06-phases": [
        ("phases.assess.exit.assess-the-scope-is-known.title", "the scope is known", 8), ("phases.contain.actions[2]", "tell support", 14),
        ("phases.contain.exit.contain-all-agents-have-stopped.roll_call", "True", 18),
        ("phases.verify.exit.verify-no-errors-for-15-minutes.stable_for", "15m", 27),
        ("phases.verify.exit.verify-approved-by-the-incident-commande.approval", "commander", 28),
        ("deadlines.roll-call.within", "5m", 49), ("deadlines.contained.within", "15m", 50),
    ],
    "07-templates": [
        ("templates.declared.subject", "🚨 INCIDENT: {title}", 12), ("severities.SEV1.title", "Critical", 5),
        ("updates.fields.progress.title", "Progress", 26), ("templates.update.subject", "Update {number}", 23),
        ("templates.stood-down.text", "The incident {incident} is resolved after {duration}.\nRoot cause: {root_cause}", 38),
        ("forms.post-mortem.fields.root-cause.title", "Root cause", 49), ("forms.briefing.fields.situation.title", "Situation", 56),
        ("templates.update@public.text", "We are looking into a problem with {services}.\nCurrent status: {status}.", 33),
    ],
    "08-nested": [
        ("severities.Critical.respond_within", "5m", 6), ("severities.High.description", "A core feature is broken", 8),
        ("roles.commander.title", "Incident Commander", 11), ("roles.scribe.duties", "Writes the timeline", 15),
    ],
    "09-orchestra": [
        ("activation.kinds.5xx-errors-on-the-main-api.when.server_errors", "true", 5),
        ("activation.kinds.security-breach.when.breach", "true", 14), ("approvals.levels.2", "Read only", 26),
        ("approvals.table[2].when.risk", "{at_least: 7}", 32), ("approvals.table[2].people", "2", 32),
        ("approvals.table[3].when.risk", "{at_least: 5}", 31),
    ],
    "10-after": [
        ("obligations.tell-the-stakeholders.within", "1h", 7), ("obligations.update-the-status-page-sev1-only.severities[0]", "SEV1", 13),
        ("obligations.action-items-have-owners.within", "7d", 18), ("obligations.customer-letter-account-manager.within", "2bd", 28),
        ("severities.SEV1.respond_within", "5m", 33),
    ],
    "11-bold": [
        ("severities.SEV1.respond_within", "10m", 6), ("severities.SEV2.respond_within", "1h", 10),
        ("activation.phrases[2]", "code red", 16), ("stand_down.resolved.title", "Issue resolved", 20),
        ("stand_down.customers-informed.title", "Customers informed", 21),
    ],
    "12-security": [
        ("activation.kinds.credential-leak.title", "Credential leak", 15), ("severities.SEV1.update_every", "30m", 53),
        ("severities.SEV3.respond_within", "2bd", 24), ("phases.containment.actions[1]", "Block the address", 37),
        ("drills.a-tabletop-exercise-is-held-twice-a-year.every", "180d", 58),
    ],
    "13-reverse": [("severities.Level-3.respond_within", "10m", 7), ("severities.Level-2.respond_within", "4bh", 6)],
    "14-phase-table": [
        ("phases.fail-back.exit.fail-back-stable-for-24-hours.stable_for", "24h", 9), ("activation.phrases[0]", "/disaster", 13),
        ("objectives.core.rpo", "1m", 17), ("severities.P1.targets.resolve", "4h", 24), ("severities.P2.respond_within", "1h", 25),
        ("phases.declare.actions[1]", "Open the channel", 7),
    ],
}  # fmt: skip
# By file: the lines that have no place, and only those.
UNPLACED: dict[str, list[int]] = {
    "01-runbook": [3, 40],
    "02-skill": [7, 18, 46, 47, 70],
    "03-corporate": [3, 15, 24],
    "04-transposed": [],
    "05-tables": [7, 8, 9, 17, 18, 38, 39],
    "06-phases": [34, 35, 39, 43, 44, 48, 51],
    "07-templates": [63, 64],
    "08-nested": [16, 17],
    "09-orchestra": [7, 8, 12, 16, 20, 36],
    "10-after": [22],
    "11-bold": [3, 25, 26, 28, 30],
    "12-security": [3, 4, 15, 16, 17, 43, 45],
    "13-reverse": [9, 11, 14],
    "14-phase-table": [],
}


def imported(name: str) -> Imported:
    return import_markdown((TEXTS / f"{name}.md").read_text("utf-8"))


@pytest.mark.parametrize("name", PLACED)
def test_values_and_the_lines_they_come_from(name: str) -> None:
    placed = imported(name).placed
    missing = [one for one in PLACED[name] if one not in placed]
    assert not missing, [
        one for one in placed if one[0] in {path for path, _, _ in missing}
    ] or placed


@pytest.mark.parametrize("name", UNPLACED)
def test_what_is_left_over(name: str) -> None:
    found = imported(name)
    assert sorted({line for line, _ in found.unplaced}) == UNPLACED[name], found.unplaced


def test_every_text_is_looked_at() -> None:
    assert {file.stem for file in TEXTS.glob("*.md")} == set(PLACED) == set(UNPLACED)


def of(text: str) -> dict[str, str]:
    return {path: value for path, value, _ in import_markdown(text).placed}


# --- what went wrong once ----------------------------------------------------------------------------


def test_a_list_names_all_its_lines() -> None:
    text = import_markdown("## Phase 1: Stop\n\n- one\n- two\n\n- four\n").text
    assert "    actions: [one, two, four]  # lines 3, 4, 6\n" in text


def test_the_words_before_a_criterion_are_no_part_of_it() -> None:
    for line in (
        "Exit criteria: it is quiet",
        "- **Exit criteria**: it is quiet",
        "Done when it is quiet",
    ):
        found = of(f"## Phase 1: Stop\n\n{line}\n")
        assert found["phases.stop.exit.stop-it-is-quiet.title"] == "it is quiet", line
        assert "phases.stop.actions[0]" not in found


def test_a_severity_named_twice_is_one_and_what_contradicts_it_is_told() -> None:
    text = "## Severity\n\n- SEV1: all is down, respond within 5 minutes\n- SEV-1: respond within 9 minutes\n- SEV2: less\n"
    found = import_markdown(text)
    assert found.text.count("  SEV1:\n") == 1
    assert ("severities.SEV1.respond_within", "5m", 3) in found.placed
    assert any(line == 4 and "another line already" in why for line, why in found.unplaced)


def test_nothing_is_used_twice() -> None:
    """Given a phase whose name sounds like the time after, then its lines are actions and owed by nobody."""
    found = of("## Phase 4: Post-incident review\n\n- Write the report within 24 hours\n")
    assert found["phases.post-incident-review.actions[0]"] == "Write the report within 24 hours"
    assert not [path for path in found if path.startswith("obligations")]


def test_lines_of_a_template_are_no_criteria() -> None:
    found = of("## Stand-down\n\n- all quiet\n\n### Template\n\n- use this text\n")
    assert [
        value
        for path, value in found.items()
        if path.startswith("stand_down") and path.endswith("title")
    ] == ["all quiet"]


def test_spans_of_sections_are_not_taken_for_times_to_respond() -> None:
    found = of("## Severity\n\n- SEV1: down for 10 minutes\n")
    assert "severities.SEV1.respond_within" not in found


def test_two_things_of_one_name_are_both_kept() -> None:
    found = of("## Post-incident\n\n- Report within 1 day\n- Report within 1 day!\n")
    assert [path for path in found if path.endswith("within")] == [
        "obligations.report-within-1-day.within", "obligations.report-within-1-day-2.within"
    ]  # fmt: skip


def test_names_that_are_no_names_become_some() -> None:
    found = import_markdown("# 重大\n\n## Phase 1: 封じ込め\n\n- 止める\n")
    assert found.name == "draft"
    assert ("phases.phase.actions[0]", "止める", 5) in found.placed


def test_a_name_may_be_given() -> None:
    assert import_markdown("# Something\n", "Our Own!").name == "our-own"
    assert import_markdown("", "").name == "draft"


def test_what_does_not_fit_the_language_is_taken_out_and_told_why() -> None:
    """Given a template for an audience no protocol has, when it is imported, then the rest stands."""
    text = (
        "## Recovery objectives\n\n| Class | RTO |\n|---|---|\n| core | 10 min |\n| "
        + "x" * 80
        + " | 5 min |\n"
    )
    found = import_markdown(text)
    assert ("objectives.core.rto", "10m", 5) in found.placed


def test_fewer_than_three_severities_leave_the_decision_table_whole() -> None:
    text = import_markdown("## Severity\n\n- SEV1: the site is down\n").text
    assert "# assumed: as in base, without the row for a third severity" in text
    assert "severity_rank" not in text
