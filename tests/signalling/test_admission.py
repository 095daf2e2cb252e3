"""From the waiting room into the meeting and out again, through a real front and a real media worker."""

import asyncio
from typing import Any

import jwt
import pytest

from auth.audit import read_body
from auth.audit_store import entries
from sfu.worker import Worker
from signalling.front import Front
from signalling.meetings import Meeting
from tests.patience import Awake
from tests.signalling.conftest import KEYS, NOW, MakeFront, MakeWorker
from tests.signalling.real_worker import People, Person


async def admit(host: Person, other: Person) -> dict[str, Any]:
    return await host.client.ask("admit", {"participant_id": other.place["participant_id"]})


async def remove(host: Person, participant_id: str) -> dict[str, Any]:
    return await host.client.ask("remove", {"participant_id": participant_id})


def code(reply: dict[str, Any]) -> str:
    return "ok" if reply["ok"] else reply["error"]["code"]


async def test_a_guest_waits_is_admitted_and_joins_on_the_same_socket(people: People) -> None:
    host = await people.inside("host", "host")
    guest = await people.waiting("cai")
    assert (guest.place["position"], guest.place["people_before"], guest.place["host_present"]) == (1, 0, True)
    assert guest.place["admitted_token"] is None
    waiting = await host.client.wait_for("waiting")
    assert [(one["display_name"], one["role"], one["since"]) for one in waiting["people"]] == [
        ("Name of cai", "guest", int(NOW))
    ]
    assert await admit(host, guest) == {"ok": True}
    admitted = await guest.client.wait_for("admitted")
    claims = KEYS.check_meeting(admitted["token"], now=NOW)
    assert (claims.admitted, claims.identity, claims.role) == (True, "cai", "guest")
    assert claims.expires_at == admitted["expires_at"]
    reply = await guest.join(token=admitted["token"])
    assert reply["ok"]
    assert {one["display_name"] for one in reply["participants"]} == {"Name of host", "Name of cai"}
    assert (await host.client.wait_for("waiting", 2))["people"] == []


@pytest.mark.attack
async def test_before_admission_there_is_no_answer_no_list_and_no_event_of_the_room(people: People) -> None:
    await people.inside("host", "host")
    guest = await people.waiting("cai")
    for word in ("answer", "participants", "slots", "Name of host"):
        assert word not in repr(guest.place)
    other = await people.inside("anna")
    await other.client.ask("set_source", {"source": "camera", "active": True})
    await other.client.ask("leave")
    refused = await guest.join()
    assert code(refused) == "not_admitted"
    assert {name for name, _ in guest.client.events} <= {"waiting_changed"}
    assert "anna" not in repr(guest.client.events)


@pytest.mark.attack
async def test_participants_are_not_told_who_waits(people: People) -> None:
    host = await people.inside("host", "host")
    anna = await people.inside("anna")
    await people.waiting("cai")
    await host.client.wait_for("waiting")
    await anna.client.ask("select", {"wanted": []})
    assert anna.client.named("waiting") == []
    assert anna.client.joined["waiting"] == []


async def test_a_host_finds_those_who_wait_already(people: People) -> None:
    guest = await people.waiting("cai")
    assert guest.place["host_present"] is False
    host = await people.inside("host", "host")
    assert [one["participant_id"] for one in host.client.joined["waiting"]] == [guest.place["participant_id"]]
    assert (await guest.client.wait_for("waiting_changed"))["host_present"] is True


async def test_the_wait_tells_the_meetings_title_time_and_phone(people: People, real_front: Front) -> None:
    meeting = Meeting(
        meeting_id="room",
        title="Återbesök",
        kind="one_to_one",
        provider_hsa_id="SE1",
        unit_hsa_id="SE1-U1",
        unit_name="Mottagningen",
        starts_at=int(NOW) + 600,
        ends_at=int(NOW) + 2400,
        phone="08-123 45 67",
    )
    await real_front.meetings.put(meeting, NOW)
    place = (await people.waiting("cai")).place
    assert (place["meeting_title"], place["starts_at"], place["phone"]) == ("Återbesök", NOW + 600, "08-123 45 67")


async def test_an_admitted_person_who_reloads_the_page_does_not_wait_again(people: People) -> None:
    host = await people.inside("host", "host")
    guest = await people.waiting("cai")
    await admit(host, guest)
    await guest.client.wait_for("admitted")
    await guest.client.close()
    await guest.connect()
    again = await guest.wait()
    assert KEYS.check_meeting(again["admitted_token"], now=NOW).admitted
    assert (await guest.join(token=again["admitted_token"]))["ok"]
    await guest.connect()
    assert code(await guest.join(resume_token=guest.client.joined.get("resume_token"))) in ("ok", "identity_in_use")


async def test_a_lost_socket_finds_its_place_again_at_another_front(
    people: People, make_front: MakeFront, real_front: Front
) -> None:
    first, second = await people.waiting("cai"), await people.waiting("dan")
    other_front = await make_front()
    place = first.place
    await first.client.cut()
    await first.connect(other_front)
    again = await first.wait(resume_token=place["resume_token"])
    assert (again["participant_id"], again["position"]) == (place["participant_id"], 1)
    host = await people.inside("host", "host")
    await admit(host, first)
    await first.client.wait_for("admitted")
    assert (await second.client.wait_for("waiting_changed"))["position"] in (1, 2)


@pytest.mark.attack
async def test_a_copied_token_neither_takes_a_place_in_the_queue_nor_gets_in_with_it(people: People) -> None:
    await people.inside("host", "host")
    guest = await people.waiting("cai")
    thief = await people("cai", "guest", admitted=False)
    assert code(await thief.wait()) == "identity_in_use"
    assert code(await thief.wait(resume_token="guess")) == "identity_in_use"
    assert code(await thief.join()) == "not_admitted"
    assert guest.client.named("closed") == []


@pytest.mark.attack
async def test_guessed_rooms_cannot_be_told_from_each_other_without_a_token(people: People) -> None:
    stranger = await people("eva")
    forged = jwt.encode(jwt.decode(stranger.token, options={"verify_signature": False}), "x" * 32, "HS256")
    assert code(await stranger.join(token=forged)) == "token_invalid"
    assert code(await stranger.wait(token=forged)) == "token_invalid"
    elsewhere = await people("eva", room_id="no-such-room")
    assert code(await elsewhere.wait()) == "unknown_room"


async def test_who_is_turned_away_is_told_and_refused_from_then_on(people: People) -> None:
    host = await people.inside("host", "host")
    guest = await people.waiting("cai")
    assert code(await remove(host, guest.place["participant_id"])) == "ok"
    assert (await guest.client.wait_for("closed"))["code"] == "denied"
    await guest.connect()
    assert code(await guest.wait()) == "removed"


@pytest.mark.attack
async def test_who_was_removed_does_not_come_back_through_any_front_or_worker(
    people: People, make_front: MakeFront, make_worker: MakeWorker, media_worker: Worker
) -> None:
    host = await people.inside("host", "host")
    anna = await people.inside("anna")
    assert code(await remove(host, anna.client.joined["participant_id"])) == "ok"
    await anna.client.wait_for("closed")
    left = await host.client.wait_for("participant_left")
    assert left["reason"] == "removed"
    await anna.connect(await make_front())
    assert code(await anna.join(resume_token=anna.client.joined.get("resume_token"))) == "removed"
    media_worker.engine.rooms["room"].door.removed.clear()  # as another worker would know nothing
    assert code(await anna.join()) == "removed"
    assert code(await anna.wait()) == "removed"


async def test_a_host_admits_nobody_twice_and_removes_nobody_who_is_gone(people: People) -> None:
    host = await people.inside("host", "host")
    guest = await people.waiting("cai")
    assert code(await admit(host, guest)) == "ok"
    assert code(await admit(host, guest)) == "unknown_participant"
    assert code(await remove(host, guest.place["participant_id"])) == "unknown_participant"


async def test_who_gives_up_waiting_leaves_the_queue(people: People) -> None:
    host = await people.inside("host", "host")
    guest = await people.waiting("cai")
    await host.client.wait_for("waiting")
    assert code(await guest.client.ask("leave")) == "ok"
    assert (await host.client.wait_for("waiting", 2))["people"] == []


async def test_those_who_wait_are_told_when_their_worker_dies(
    people: People, real_front: Front, media_worker: Worker
) -> None:
    guest = await people.waiting("cai")
    await real_front._on_worker_lost("real-worker")
    assert (await guest.client.wait_for("reconnect"))["reason"] == "worker_lost"
    media_worker.engine.rooms.clear()
    assert (await guest.wait())["position"] == 1


# --- renewal ---------------------------------------------------------------------------------------------------------


async def test_a_token_is_renewed_inside_and_while_waiting(people: People) -> None:
    inside = await people.inside("anna")
    renewed = await inside.client.ask("renew")
    claims = KEYS.check_meeting(renewed["token"], now=NOW)
    assert (claims.admitted, claims.grant_id, claims.expires_at) == (True, "grant-anna", renewed["expires_at"])
    waiting = await people.waiting("cai")
    claims = KEYS.check_meeting((await waiting.client.ask("renew"))["token"], now=NOW)
    assert not claims.admitted


@pytest.mark.attack
async def test_a_withdrawn_grant_renews_nothing(people: People, real_front: Front) -> None:
    anna = await people.inside("anna")
    await real_front._redis.set("ao:revoked:grant-anna", "test")  # as if the event had not come through yet
    assert code(await anna.client.ask("renew")) == "revoked"
    real_front.admission._keep_alive = _dead
    bo = await people.inside("bo")
    assert code(await bo.client.ask("renew")) == "ok"
    staff = await people.inside("eva", grant_id="s-login")
    assert code(await staff.client.ask("renew")) == "revoked"


async def _dead(_grant_id: str, _now: float) -> bool:
    return False


# --- revocation ------------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_revocation_ends_a_running_meeting_within_a_second_at_every_front(
    people: People, make_front: MakeFront, real_front: Front, media_worker: Worker
) -> None:
    anna = await people("anna")
    elsewhere = await make_front()
    await anna.connect(elsewhere)
    assert code(await anna.join()) == "ok"
    bo = await people.inside("bo")
    guest = await people.waiting("cai")
    async with Awake() as awake:
        for name in ("anna", "cai"):
            await real_front.revocations.revoke(f"grant-{name}", "ended_elsewhere")
        closed = await asyncio.gather(anna.client.wait_for("closed"), guest.client.wait_for("closed"))
        left = await bo.client.wait_for("participant_left")
    assert awake.seconds < 1
    assert {one["code"] for one in closed} == {"revoked"}
    assert left["reason"] == "removed"
    assert [one.identity for one in media_worker.engine.rooms["room"].people.values()] == ["bo"]
    for person, entrance in ((anna, anna.join), (guest, guest.wait)):
        await person.connect()
        assert code(await entrance()) == "revoked"


@pytest.mark.attack
async def test_revocation_takes_out_who_has_no_socket_now(
    people: People, real_front: Front, media_worker: Worker
) -> None:
    bo = await people.inside("bo")
    anna = await people.inside("anna")
    await anna.client.cut()
    await bo.client.wait_for("participant_changed")
    async with Awake() as awake:
        await real_front.revocations.revoke("grant-anna", "backchannel")
        await bo.client.wait_for("participant_left")
    assert awake.seconds < 1
    await anna.connect()
    resume = {"protocol": 1, "token": anna.token, "participant_id": "x", "resume_token": "x"}
    assert code(await anna.client.ask("resume", resume)) == "revoked"
    assert next(iter(media_worker.engine._by_peer.values()))[1].identity == "bo"


async def test_another_persons_grant_ends_nothing(people: People, real_front: Front) -> None:
    anna = await people.inside("anna")
    await real_front.revocations.revoke("grant-ann", "logout")
    assert code(await anna.client.ask("renew")) == "ok"


# --- what is written down --------------------------------------------------------------------------------------------


async def audited(front: Front) -> list[dict[str, Any]]:
    return [read_body(entry.body) async for entry in entries(front._redis)]


async def test_who_admitted_and_removed_whom_stands_in_the_audit_log(people: People) -> None:
    host = await people.inside("host", "host", unit="SE5555555555-U1")
    guest = await people.waiting("cai")
    await admit(host, guest)
    await remove(host, guest.place["participant_id"])
    written = await audited(people.front)
    assert [one["action"] for one in written] == ["meeting_admit", "meeting_remove"]
    for one in written:
        assert (one["actor"], one["outcome"], one["address"]) == ("host", "allowed", "127.0.0.1")
        assert one["resource"] == f"meeting:room:{guest.place['participant_id']}"


@pytest.mark.attack
async def test_nobody_is_admitted_or_removed_without_a_trace(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await people.inside("host", "host")
    guest = await people.waiting("cai")

    async def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(people.front.identity.audit, "_append", fail)
    assert code(await admit(host, guest)) == "internal"
    assert code(await remove(host, guest.place["participant_id"])) == "internal"
    assert guest.client.events == []
    monkeypatch.undo()
    assert await admit(host, guest) == {"ok": True}
    assert (await guest.client.wait_for("admitted"))["token"]
