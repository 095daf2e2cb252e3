"""The front asks which bookings stand behind video meetings; nobody else does."""

from companion.models.people import Person
from tests.companion.people import ANNA, BO, UNIT, Api, patient, service, staff
from tests.companion.world import World, add_slots

FRONT = service("meetings:read", name="front")


async def test_a_video_booking_is_shown_with_its_unit_and_what_protects_the_patient(world: World, api: Api) -> None:
    _, _, slots = await add_slots(api, time_type={"modality": "video"})
    booking = await api.made("/bookings", patient(), {"slot_id": slots[0]["slot_id"], "interpreter_language": "so"})
    await api.made("/bookings", patient(), {"slot_id": world.slots[5]["slot_id"]})  # physical: no meeting
    shown = (await api.get(f"/meetings/{booking['meeting_id']}", FRONT)).json()
    assert (shown["sequence"], shown["state"], shown["is_video"]) == (0, "booked", True)
    assert (shown["unit_name"], shown["unit_phone"]) == ("Unit 1001", "08-123 45")
    assert (shown["patient_person_id"], shown["interpreter_language"]) == (ANNA, "so")
    assert shown["is_protected"] is False
    for path in (f"/persons/{ANNA}/meetings", f"/units/{UNIT}/meetings"):
        assert (await api.get(path, FRONT)).json() == {"meetings": [shown]}
    assert (await api.get(f"/persons/{BO}/meetings", FRONT)).json() == {"meetings": []}
    async with world.services.database.transaction(api.clock()) as transaction:
        (await transaction.session.get_one(Person, ANNA)).is_secret = True
    assert (await api.get(f"/meetings/{booking['meeting_id']}", FRONT)).json()["is_protected"] is True
    await api.made(f"/bookings/{booking['booking_id']}/cancel", patient(), {})
    assert (await api.get(f"/meetings/{booking['meeting_id']}", FRONT)).json()["state"] == "cancelled"
    assert (await api.get(f"/persons/{ANNA}/meetings", FRONT)).json() == {"meetings": []}


async def test_what_is_not_there_and_who_may_not(world: World, api: Api) -> None:
    for path in (
        "/meetings/mt-" + "a" * 26,
        "/persons/p-" + "z" * 26 + "/meetings",
        "/units/SE5555555555-9999/meetings",
    ):
        assert (await api.get(path, FRONT)).status_code == 404
        assert (await api.get(path, service("bookings:read"))).status_code in (403, 404)
        assert (await api.get(path, staff("region_admin"))).status_code == 403


async def test_a_booking_that_moves_to_a_video_time_gets_a_meeting_and_loses_it_again(world: World, api: Api) -> None:
    video_type, _, video = await add_slots(api, time_type={"modality": "video", "successor_id": world.time_type_id})
    booking = await api.made("/bookings", patient(), {"slot_id": video[0]["slot_id"]})
    path = f"/bookings/{booking['booking_id']}/rebook"
    moved = await api.made(path, patient(), {"slot_id": world.slots[7]["slot_id"]})
    assert moved["time_type_id"] != video_type
    shown = (await api.get(f"/meetings/{booking['meeting_id']}", FRONT)).json()
    assert (shown["sequence"], shown["is_video"]) == (1, False)
