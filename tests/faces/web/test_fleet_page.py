"""The page of the services: what plans have left them in, and a fleet that is too large to read whole; and
what is watched on after standing down."""

from bs4 import BeautifulSoup

from tests.faces.web.conftest import Opener, text, words
from tests.faces.web.fleets_shown import large_fleet, look, watched_afterwards, with_less
from tests.faces.web.planned import stop_of, stopping
from tests.faces.web.scenes import calm


def states(page: BeautifulSoup) -> dict[str, str]:
    return {
        str(one["data-service"]): str(one["data-state"])
        for one in page.select("article[data-service]")
    }


async def test_what_a_plan_has_stopped_is_no_outage(opened: Opener) -> None:
    """Given a stop that is under way, when its services are down, then those are off on purpose, each says so,
    and what was cut off instead says that."""
    stage = await stopping()
    stage.sample_all("gateway", "mail", "orders", "wiki")
    page = await opened(stage).get("/services")
    found = states(page)
    assert found["gateway"] == found["mail"] == found["orders"] == "off"
    assert found["ledger"] == "up"
    assert text(page, "[data-standing=gateway]").endswith("gateway stopped")
    assert "isolated" in text(page, "[data-standing=catalog]")
    assert "Left by plans: stopped" in text(page, "article[data-service=orders] [data-left-as]")
    assert not page.select("[data-standing=ledger]")
    assert text(page, "[data-count=off]") == "4 off on purpose"
    boxes = {str(one["data-service"]): words(one) for one in page.select(".graph .node")}
    assert boxes["orders"].endswith("off on purpose")


async def test_a_stopped_service_that_is_up_all_the_same_is_up(opened: Opener) -> None:
    """Given a service that a plan has stopped, when its probe is good, then nobody is told that it is off."""
    stage = await stopping()
    stage.sample_all("mail")
    page = await opened(stage).get("/services")
    assert states(page)["gateway"] == "up"
    assert states(page)["mail"] == "off"


async def test_a_fleet_as_usual_has_nothing_left_by_plans(opened: Opener) -> None:
    page = await opened(await calm()).get("/services")
    assert not page.select("[data-changed], [data-left-as], [data-fold=services]")
    assert text(page, "[data-count=up]") == "7 up"


async def test_of_a_large_fleet_what_is_not_well_stands_first(opened: Opener) -> None:
    """Given three hundred services, when two are down, then those stand first, most are only counted, and no
    picture is drawn that nobody could read."""
    console = opened(await large_fleet())
    page = await console.get("/services")
    assert list(states(page).values())[:3] == ["down", "down", "up"]
    assert len(states(page)) == 40
    fold = page.select("[data-fold=services]")[0]
    assert words(fold.select("summary")[0]) == "260 more"
    assert len(fold.select("[data-service]")) == 150
    assert "and 110 more" in words(fold)
    assert not page.select(".graph")
    assert "allstop fleet graph --format svg" in page.get_text()
    front = await console.get("/")
    chips = front.select(".chip[data-service]")
    assert len(chips) == 60
    assert [str(one["data-state"]) for one in chips[:3]] == ["down", "down", "up"]
    assert "240 more" in front.get_text()


async def test_a_plan_under_way_is_held_against_what_was_expected(opened: Opener) -> None:
    """Given a plan that was expected to take minutes, when far more have passed, then it says how much longer it
    will take, and which nodes are on the longest path."""
    stage = await stopping()
    page = await opened(stage).get("/incidents/INC-1")
    assert "about 2m 39s left" in text(page, "[data-pace]")
    assert "expected 2m 59s" in text(page, "[data-pace]")
    assert "longer than expected" not in text(page, "[data-pace]")
    longest = {str(one.find_parent("li")["data-node"]) for one in page.select(".longest")}  # type: ignore[index]
    assert longest == {"mail", "orders", "ledger", "store"}
    await stage.pass_time(600)
    page = await opened(stage).get("/incidents/INC-1")
    said = text(page, "[data-pace]")
    assert "9m 40s longer than expected" in said
    assert stop_of(stage).ended_at is None


async def test_what_is_watched_on_says_what_it_saw_and_what_it_did_not(opened: Opener) -> None:
    """Given an incident that was stood down, when looks were bad, missing or could not be judged, then each
    watch says so, and nothing is called clean that was not seen."""
    stage = await watched_afterwards()
    console = opened(stage)
    page = await console.get("/incidents/INC-1")
    found = {str(one["data-watch"]): str(one["data-state"]) for one in page.select("[data-watch]")}
    assert found == {
        "continuous": "inconclusive", "hour": "watching", "errors": "watching", "recurrence": "watching",
    }  # fmt: skip
    hour = text(page, "[data-watch=hour]")
    assert "3 looks good, 1 bad, 1 not taken" in hour
    assert "next look in " in hour
    assert "no meter says how many requests fail" in text(page, "[data-watch=errors]")
    front = await console.get("/")
    assert "watched on until" in text(front, "[data-incident=INC-1]")
    for _ in range(4):
        await look(stage, 600)
    page = await opened(stage).get("/incidents/INC-1")
    assert "inconclusive" in text(page, "[data-watch=hour]")


async def test_what_is_done_with_less_stands_on_the_page_of_the_services(opened: Opener) -> None:
    """Given levers that are pulled, when one is beyond its time, then that is said with what to do about it; and
    calls that are kept back are named with the reason."""
    page = await opened(await with_less()).get("/services")
    late, *_ = page.select("[data-lever]")
    assert late["data-lever"] == "search:fresh-answers"
    assert "OVERDUE" in words(late)
    assert text(page, "[data-lever='search:fresh-answers'] .typed") == (
        "allstop lever release search:fresh-answers"
    )
    other = text(page, "[data-lever='mail:pictures']")
    assert "ends in 4h" in other
    assert "OVERDUE" not in other
    assert "lever pictures" in text(page, "[data-standing=mail]")
    kept_back = text(page, "[data-circuit='search@scripted']")
    assert "calls to search through scripted are kept back" in kept_back
    assert "it is being repaired" in kept_back


async def test_a_lever_beyond_its_time_is_said_on_the_first_page(opened: Opener) -> None:
    """Given a lever that stays pulled beyond its time, then the front page says so, and where to read on."""
    page = await opened(await with_less()).get("/")
    late = page.select("[data-overdue]")
    assert [str(one["data-overdue"]) for one in late] == ["search:fresh-answers"]
    said = words(late[0])
    assert "is pulled beyond its time" in said
    assert late[0].select("a[href='/services']")
    assert not (await opened(await calm()).get("/")).select("[data-overdue]")


async def test_a_fleet_that_does_all_has_no_levers_and_circuits_to_show(opened: Opener) -> None:
    page = await opened(await calm()).get("/services")
    assert not page.select("[data-levers], [data-circuits]")
