"""Campaigns through the API: drafted, approved by two, launched; counts that show nobody; who may not."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from companion.models.audit import AuditRow
from companion.rules.audiences import Audience, Candidate, matches
from companion.services import Services
from companion.store.audiences import people_in
from tests.companion.campaigns import (
    AUTHOR,
    SECOND,
    content,
    crowd,
    drafted,
    launched,
    notices,
    offers_of,
    reviewed,
    sweep,
)
from tests.companion.people import (
    ANNA,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    START,
    UNIT,
    Api,
    VirtualClock,
    patient,
    service,
    staff,
)
from tests.companion.world import World, build

REGISTER = service("risk-groups:write")
FOREIGN = staff("unit_admin", "region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)


async def change(api: Api, campaign_id: str, what: str, who: Any = AUTHOR, body: Any = None) -> tuple[int, str]:
    """A step of its course: status, and the state or the problem."""
    answer = await api.post(f"/campaigns/{campaign_id}/{what}", who, body)
    return answer.status_code, str(answer.json().get("state") or answer.json()["code"])


# --- two people approve ------------------------------------------------------------------------------------------


async def test_nothing_goes_live_without_two_people(api: Api, world: World, services: Services) -> None:
    await crowd(services, 3)
    campaign_id = await drafted(api, world)
    version = {"version": 1}
    assert await change(api, campaign_id, "launch") == (409, "campaign_state")
    assert await change(api, campaign_id, "approve", AUTHOR, version) == (200, "draft")
    assert await change(api, campaign_id, "approve", AUTHOR, version) == (409, "approved_already")
    assert await change(api, campaign_id, "launch") == (409, "campaign_state")
    assert await change(api, campaign_id, "approve", SECOND, version) == (200, "reviewed")
    assert await offers_of(services, campaign_id) == []
    assert await change(api, campaign_id, "launch") == (200, "live")
    assert len(await offers_of(services, campaign_id)) == 3
    shown = (await api.get(f"/campaigns/{campaign_id}", SECOND)).json()
    assert shown["approved_by"] == [AUTHOR.actor, SECOND.actor]


async def test_what_is_approved_is_what_was_read(api: Api, world: World) -> None:
    campaign_id = await drafted(api, world)
    await api.made(f"/campaigns/{campaign_id}/approve", AUTHOR, {"version": 1})
    edited = await api.ask("PUT", f"/campaigns/{campaign_id}", AUTHOR, content(world, title="Annat"))
    assert (edited.json()["version"], edited.json()["approved_by"]) == (2, [])
    stale = await api.post(f"/campaigns/{campaign_id}/approve", SECOND, {"version": 1})
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (409, "conflict", 2)


async def test_only_a_draft_is_edited_and_revising_takes_the_approvals_back(api: Api, world: World) -> None:
    campaign_id = await reviewed(api, world)
    edited = await api.ask("PUT", f"/campaigns/{campaign_id}", AUTHOR, content(world))
    assert edited.json()["code"] == "campaign_state"
    assert await change(api, campaign_id, "revise") == (200, "draft")
    assert (await api.get(f"/campaigns/{campaign_id}", AUTHOR)).json()["approved_by"] == []
    assert await change(api, campaign_id, "launch") == (409, "campaign_state")


async def test_it_is_paused_and_goes_on_and_ends(
    api: Api, world: World, clock: VirtualClock, services: Services
) -> None:
    campaign_id = await launched(api, world)
    assert await change(api, campaign_id, "pause") == (200, "paused")
    assert await change(api, campaign_id, "pause") == (409, "campaign_state")
    assert await change(api, campaign_id, "resume") == (200, "live")
    clock.advance(days=12)
    await sweep(services)
    assert (await api.get(f"/campaigns/{campaign_id}", AUTHOR)).json()["state"] == "ended"
    assert await change(api, campaign_id, "resume") == (409, "campaign_state")


REFUSED: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"audience": {}}, 422, "audience"),
    ({"ends_at": START.isoformat()}, 422, "ends_at"),
    ({"notices_open": "02:00"}, 422, "opens"),
    ({"notices_open": "08:00+01:00"}, 422, "notices_open"),
    ({"kind": "all"}, 422, "kind"),
    ({"steps": []}, 422, "steps"),
    ({"steps": [{"time_type_id": "tt-" + "a" * 26}]}, 404, "time_type_id"),
    ({"audience": {"units": [FOREIGN_UNIT]}}, 404, "audience.units"),
    ({"quota": 0}, 422, "quota"),
    ({"seed": 1}, 422, "seed"),
)


async def test_what_cannot_be_is_refused(api: Api, world: World) -> None:
    for fields, status, field in REFUSED:
        answer = await api.post(f"/units/{UNIT}/campaigns", AUTHOR, content(world, **fields))
        assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_each_step_stands_in_the_audit_log(api: Api, world: World, services: Services) -> None:
    campaign_id = await launched(api, world)
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(AuditRow).order_by(AuditRow.number))).all()
    mine = [(row.actor, row.action, row.provider) for row in rows if campaign_id.encode() in row.body]
    assert mine == [
        (AUTHOR.actor, "campaign_write", PROVIDER),
        (AUTHOR.actor, "campaign_approve", PROVIDER),
        (SECOND.actor, "campaign_approve", PROVIDER),
        (AUTHOR.actor, "campaign_write", PROVIDER),
    ]


# --- the audience ------------------------------------------------------------------------------------------------


async def test_the_register_is_asked_what_the_rule_says(api: Api, world: World, services: Services) -> None:
    """SQL and the rule agree about everybody, for many audiences."""
    groups = {"provider_hsa_id": PROVIDER, "risk_groups": ["asthma"]}
    ids = await crowd(services, 4, sex="male", area="0182")
    ids += await crowd(services, 2, prefix="old", birth_date=date(1931, 2, 28), area=None)
    ids += await crowd(services, 2, prefix="unborn", birth_date=None)
    ids += await crowd(services, 2, prefix="secret", is_secret=True)
    for person_id in (ids[0], ids[5]):
        assert (await api.ask("PUT", f"/persons/{person_id}/risk-groups", REGISTER, groups)).status_code == 204
    foreign = groups | {"provider_hsa_id": OTHER_PROVIDER}
    await api.ask("PUT", f"/persons/{ids[1]}/risk-groups", REGISTER, foreign)
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ids[2]}
    await api.made("/bookings", staff("scheduler"), wish)
    await api.ask("PUT", "/offer-opt-outs/vaccination", patient(ids[3]))
    await api.ask("PUT", "/offer-opt-outs/screening", patient(ids[2]))
    day = START.date()

    def candidate(number: int, person_id: str) -> Candidate:
        births = [date(1950, 1 + number, 1)] * 4 + [date(1931, 2, 28)] * 2 + [None] * 2
        born = births[number] if number < 8 else date(1950, number - 7, 1)
        return Candidate(
            born,
            "male" if number < 4 else "female",
            "0182" if number < 4 else None if number < 6 else "0180",
            frozenset({"asthma"} if number in (0, 5) else ()),
            frozenset({UNIT} if number == 2 else ()),
            person_id == ids[3],
        )

    everybody = {person_id: candidate(number, person_id) for number, person_id in enumerate(ids)}
    for audience in (
        Audience(min_age=77),
        Audience(max_age=76),
        Audience(min_age=96),
        Audience(max_age=95, min_age=60),
        Audience(born_from_year=1950, born_until_year=1950),
        Audience(sexes=frozenset({"male"})),
        Audience(areas=frozenset({"0180", "0183"})),
        Audience(risk_groups=frozenset({"asthma", "heart"})),
        Audience(units=frozenset({UNIT})),
        Audience(sexes=frozenset({"male"}), risk_groups=frozenset({"asthma"})),
    ):
        async with services.database.reading(services.clock()) as transaction:
            found = set(await people_in(transaction, audience, day, PROVIDER, "vaccination")) & set(ids)
        assert found == {one for one, person in everybody.items() if matches(audience, person, day)}, audience


async def count(api: Api, world: World, **audience: Any) -> Any:
    """A preview's answer."""
    campaign_id = await drafted(api, world, audience=audience)
    return (await api.post(f"/campaigns/{campaign_id}/preview", AUTHOR)).json()


async def test_a_preview_counts_and_hides_small_cells(api: Api, world: World, services: Services) -> None:
    await crowd(services, 23)
    await crowd(services, 4, prefix="men", sex="male")
    await crowd(services, 12, prefix="other", sex="other")
    counts = await count(api, world, born_from_year=1950, born_until_year=1950)
    assert counts["total"] == 35
    assert counts["by"]["sex"] == {"female": 20, "male": None, "other": None}
    assert sum(value or 0 for value in counts["by"]["band"].values()) in (30, 35)
    men = await count(api, world, born_from_year=1950, born_until_year=1950, sexes=["male"])
    assert men == {"total": None, "by": {"sex": {"male": None}, "band": {"70-79": None}, "area": {"0180": None}}}
    nobody = await count(api, world, born_from_year=1950, born_until_year=1950, sexes=["unknown"])
    assert nobody == {"total": 0, "by": {"sex": {}, "band": {}, "area": {}}}


async def test_the_protected_count_and_are_never_singled_out(api: Api, world: World, services: Services) -> None:
    await crowd(services, 20)
    await crowd(services, 12, prefix="secret", is_secret=True, area="0183")
    counts = await count(api, world, born_from_year=1950, born_until_year=1950)
    assert counts["total"] == 30
    assert counts["by"]["area"] == {"0180": 20, "unknown": 10}
    assert counts["by"]["sex"] == {"female": 20, "unknown": 10}
    assert "unknown" in counts["by"]["band"]


@pytest.mark.attack
async def test_two_counts_do_not_tell_of_few_by_their_difference(api: Api, world: World, services: Services) -> None:
    await crowd(services, 30)
    await crowd(services, 3, prefix="near", birth_date=date(1951, 1, 1))
    await crowd(services, 20, prefix="far", birth_date=date(1955, 1, 1))
    assert (await count(api, world, born_from_year=1950, born_until_year=1950))["total"] == 30
    close = await count(api, world, born_from_year=1950, born_until_year=1951)
    assert close["code"] == "preview_too_close"
    also = await count(api, world, born_from_year=1951, born_until_year=1951)
    assert (also["total"], also.get("code")) == (None, None)  # suppressed: nothing to subtract
    far = await count(api, world, born_from_year=1950, born_until_year=1955, sexes=["female"])
    assert far["total"] == 50
    assert (await count(api, world, born_from_year=1950, born_until_year=1950))["total"] == 30


@pytest.mark.attack
async def test_nor_when_only_one_cell_differs_by_few(api: Api, world: World, services: Services) -> None:
    await crowd(services, 30)
    await crowd(services, 30, prefix="men", sex="male")
    await crowd(services, 11, prefix="near", birth_date=date(1951, 1, 1))
    await crowd(services, 2, prefix="nearmen", birth_date=date(1951, 1, 1), sex="male")
    assert (await count(api, world, born_from_year=1950, born_until_year=1950))["total"] == 60
    assert (await count(api, world, born_from_year=1950, born_until_year=1951))["code"] == "preview_too_close"


# --- figures -----------------------------------------------------------------------------------------------------


async def test_statistics_hide_what_is_small(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=3, time_type={"audience": "invited"})
    ids = await crowd(services, 26)
    campaign_id = await launched(api, world)
    path = f"/campaigns/{campaign_id}/statistics"
    for person_id in ids[:3]:
        await api.get("/offers", patient(person_id))
    figures = (await api.get(path, AUTHOR)).json()
    assert figures["total"] == 25
    assert figures["by_state"] == {"eligible": None, "shown": None}
    assert figures["noticed"] == 0
    for person_id in ids[3:13]:
        await api.get("/offers", patient(person_id))
    figures = (await api.get(path, AUTHOR)).json()
    assert figures["by_state"] == {"eligible": 10, "shown": 10}
    for answer in (await api.get(path, AUTHOR), await api.get(f"/campaigns/{campaign_id}", AUTHOR)):
        assert not any(person_id in answer.text for person_id in ids)


async def test_a_rehearsal_sets_load_against_free_times(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=1, time_type={"audience": "invited"})
    await crowd(services, 103)
    campaign_id = await drafted(api, world, notices_per_hour=20)
    body = {"booked_share": 0.5, "phone_share": 0.2, "median_delay_minutes": 60, "seed": 4}
    play = await api.made(f"/campaigns/{campaign_id}/rehearsal", AUTHOR, body)
    assert play["people"] == 100  # what a preview shows, not how many there are
    assert sum(hour["notices"] for hour in play["hours"]) == 100
    assert max(hour["notices"] for hour in play["hours"]) <= 20
    assert play["result"]["booked"] == len(world.slots) == 20
    (weeks,) = (step["weeks"] for step in play["steps"])
    assert [week["free"] for week in weeks if week["free"]] == [20]
    assert sum(week["booked"] for week in weeks) == 20
    assert sum(week["refused"] for week in weeks) == play["result"]["not_booked"] > 10
    assert await api.made(f"/campaigns/{campaign_id}/rehearsal", AUTHOR, body) == play
    assert await notices(services) == []


async def test_few_people_are_not_rehearsed(api: Api, world: World, services: Services) -> None:
    await crowd(services, 9)
    campaign_id = await drafted(api, world)
    answer = await api.post(f"/campaigns/{campaign_id}/rehearsal", AUTHOR, {"booked_share": 0.5})
    assert (answer.status_code, answer.json()["code"]) == (409, "audience_too_small")


# --- who may not -------------------------------------------------------------------------------------------------

COURSE = ("approve", "revise", "launch", "pause", "resume", "end", "preview", "rehearsal")
BODIES: dict[str, Any] = {"approve": {"version": 1}, "rehearsal": {"booked_share": 0.5}}


@pytest.mark.attack
async def test_other_care_providers_find_nothing(api: Api, world: World) -> None:
    campaign_id = await drafted(api, world)
    for what in COURSE:
        assert await change(api, campaign_id, what, FOREIGN, BODIES.get(what)) == (404, "not_found")
    for path in (f"/campaigns/{campaign_id}", f"/campaigns/{campaign_id}/statistics"):
        assert (await api.get(path, FOREIGN)).status_code == 404
    assert (await api.ask("PUT", f"/campaigns/{campaign_id}", FOREIGN, content(world))).status_code == 404
    assert (await api.post(f"/units/{UNIT}/campaigns", FOREIGN, content(world))).status_code == 404
    assert (await api.get("/campaigns", FOREIGN)).json() == []


@pytest.mark.attack
async def test_another_unit_approves_and_does_nothing_else(api: Api, world: World) -> None:
    campaign_id = await drafted(api, world)
    for what in COURSE[1:]:
        assert await change(api, campaign_id, what, SECOND, BODIES.get(what)) == (404, "not_found")
    assert await change(api, campaign_id, "approve", SECOND, BODIES["approve"]) == (200, "draft")
    region = staff("region_admin", unit=OTHER_UNIT, actor="SE5555555555-KC")
    assert await change(api, campaign_id, "approve", region, BODIES["approve"]) == (200, "reviewed")
    assert await change(api, campaign_id, "launch", region) == (200, "live")


@pytest.mark.attack
async def test_planners_viewers_and_clinicians_do_nothing_with_campaigns(api: Api, world: World) -> None:
    campaign_id = await drafted(api, world)
    for who in (staff("scheduler"), staff("viewer"), staff("staff"), patient()):
        for what in COURSE:
            assert (await change(api, campaign_id, what, who, BODIES.get(what)))[0] == 403
        assert (await api.get("/campaigns", who)).status_code == 403


@pytest.mark.attack
async def test_risk_groups_are_told_by_a_service_with_the_scope(api: Api, world: World) -> None:
    body = {"provider_hsa_id": PROVIDER, "risk_groups": ["asthma"]}
    path = f"/persons/{ANNA}/risk-groups"
    for who in (service("persons:write"), AUTHOR, patient()):
        assert (await api.ask("PUT", path, who, body)).status_code in (403, 404)
    assert (await api.ask("PUT", path, REGISTER, body)).status_code == 204
    nobody = f"/persons/p-{'z' * 26}/risk-groups"
    assert (await api.ask("PUT", nobody, REGISTER, body)).status_code == 404
    unknown = body | {"provider_hsa_id": "SE5555555555-9999"}
    assert (await api.ask("PUT", path, REGISTER, unknown)).status_code == 404
