"""Records of stays: what they say, and when an end counts as a technical abort; in virtual time."""

from __future__ import annotations

from typing import Any

from sfu.stays import CAUSES, MAX_LOG, Stay, Stays
from tests.sfu.test_door import ask, by_host
from tests.sfu.virtual import TRACKS, VirtualPeer, World

EPOCH_US = 1_800_000_000_000_000


def records(world: World) -> list[dict[str, Any]]:
    """Take the records of what is over."""
    found = [ended.record(EPOCH_US) for ended in world.engine.ended_stays]
    world.engine.ended_stays.clear()
    assert all(record["end_cause"] in CAUSES for record in found)
    return found


def record_of(world: World, name: str) -> dict[str, Any]:
    [found] = [record for record in records(world) if record["person"] == name]
    return found


def noted(record: dict[str, Any]) -> list[str]:
    return [what for _, what in record["log"]]


def leave(world: World, peer: VirtualPeer) -> None:
    world.engine.leave(peer.request(), world.now_us)


def detach(world: World, name: str, **changes: Any) -> None:
    params = {"room_id": "room", "front_id": "front", "socket_id": f"s-{name}", **changes}
    world.engine.detach(params, world.now_us)


def test_a_visit_leaves_its_times_and_counters() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo", seconds=12)
    began_us = world.now_us
    leave(world, anna)
    record = record_of(world, "anna")
    assert record["left_at_ms"] == (began_us + EPOCH_US) // 1000
    assert 12_000 <= record["left_at_ms"] - record["joined_at_ms"] < 13_000
    assert record["joined_at_ms"] <= record["connected_at_ms"] < record["left_at_ms"]
    assert record["packets_received"] > 1000
    assert record["packets_lost"] == 0
    assert record["received_bps"] > 4_000
    assert record["sent_bps"] > 4_000
    assert (record["end_cause"], record["is_technical_abort"]) == ("left", False)
    assert noted(record) == ["joined", "connected", "left"]
    assert record["meeting_id"] == "room"
    assert len(record["stay_id"]) == 32


def test_what_a_bad_network_loses_is_counted_with_the_last_reading() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    anna.microphone.sequence_number += 20
    world.run(1)
    leave(world, anna)
    assert record_of(world, "anna")["packets_lost"] == 20


def test_a_reload_is_one_stay_with_a_reconnection_whose_counters_add_up() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo", seconds=2)
    detach(world, "anna", in_order=True)
    world.run(3)
    first = anna.reply
    again = world.peer("anna")
    again.join(resume_token=first["resume_token"], socket_id="s-2")
    world.run(2)
    leave(world, again)
    record = record_of(world, "anna")
    assert record["reconnects"] == 1
    assert record["lost_ms"] == 3000
    assert noted(record) == ["joined", "connected", "gone", "rejoined", "connected", "left"]
    assert record["packets_received"] > 350
    assert not record["is_technical_abort"]


def test_a_resumed_socket_and_an_ice_restart_are_counted() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    detach(world, "anna")
    world.run(0.5)
    resume = {"resume_token": anna.reply["resume_token"], "front_id": "front", "socket_id": "s-2"}
    world.engine.resume(anna.request(**resume), world.now_us)
    anna.restart_ice(("203.0.113.9", 999))
    world.run(1)
    world.engine.negotiate(anna.request(offer=anna.offer(), tracks=TRACKS), world.now_us)
    leave(world, anna)
    record = record_of(world, "anna")
    assert (record["reconnects"], record["ice_restarts"], record["lost_ms"]) == (1, 1, 500)


def test_a_connection_that_breaks_and_does_not_come_back_is_a_technical_abort() -> None:
    world = World(lost_after_ms=5_000)
    anna, _ = world.meet("anna", "bo")
    anna.alive = False
    detach(world, "anna")
    world.run(7)
    record = record_of(world, "anna")
    assert (record["end_cause"], record["is_technical_abort"]) == ("lost", True)


def test_a_page_that_is_closed_is_none() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    anna.alive = False
    detach(world, "anna", in_order=True)
    world.run(32)  # consent has expired by then as well
    record = record_of(world, "anna")
    assert (record["end_cause"], record["is_technical_abort"]) == ("gone", False)


def test_who_is_cut_off_when_a_host_ends_the_meeting_has_not_left() -> None:
    world = World()
    world.meet("anna", "bo")
    detach(world, "anna")
    world.run(1)
    world.engine.close_room({"room_id": "room"}, world.now_us)
    found = {record["person"]: record for record in records(world)}
    assert found["anna"]["is_technical_abort"]
    assert not found["bo"]["is_technical_abort"]
    assert {record["end_cause"] for record in found.values()} == {"room_closed"}


def test_who_gives_up_while_media_is_gone_was_cut_off() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    anna.alive = False
    world.run(31)
    leave(world, anna)
    assert record_of(world, "anna")["is_technical_abort"]


def test_who_never_got_media_could_not_connect_unless_they_left_at_once() -> None:
    for seconds, expected in ((11, True), (5, False)):
        world = World()
        world.meet("bo")
        anna = world.peer("anna")
        anna.join()
        anna.alive = False
        world.run(seconds)
        leave(world, anna)
        record = record_of(world, "anna")
        assert record["connected_at_ms"] is None
        assert record["is_technical_abort"] is expected


def test_the_wait_belongs_to_the_stay() -> None:
    world = World()
    host = world.peer("host")
    host.join(role="host", grant_id="g-host", front_id="front-h")
    ask(world, "cai", role="participant")
    world.run(1)
    world.engine.admit(by_host("w-cai"), world.now_us)
    cai = world.peer("cai")
    cai.join()
    world.run(1)
    leave(world, cai)
    record = record_of(world, "cai")
    assert noted(record) == ["waiting", "admitted", "joined", "connected", "left"]
    assert record["connected_at_ms"] - record["joined_at_ms"] >= 1000


def test_who_waited_and_was_never_let_in_leaves_a_record_too() -> None:
    world = World(lost_after_ms=5_000)
    host = world.peer("host")
    host.join(role="host", grant_id="g-host", front_id="front-h")
    for name in ("away", "patient", "denied", "gone", "stuck"):
        ask(world, name)
    world.engine.stop_waiting({"room_id": "room", "participant_id": "w-away"}, world.now_us)
    world.engine.remove(by_host("w-denied"), world.now_us)
    world.engine.admit(by_host("w-stuck"), world.now_us)
    detach(world, "", socket_id="ws-patient")
    detach(world, "", socket_id="ws-gone", in_order=True)
    world.run(125)
    found = {record["person"]: (record["end_cause"], record["is_technical_abort"]) for record in records(world)}
    assert found == {
        "away": ("left", False),
        "patient": ("lost", True),
        "denied": ("denied", False),
        "gone": ("gone", False),
        "stuck": ("never_joined", True),
    }


def test_faults_of_our_own_end_all_stays_as_aborts() -> None:
    for how, cause in (("stop", "worker_stopped"), ("abandon", "room_moved")):
        world = World()
        world.meet("anna", "bo")
        if how == "stop":
            world.engine.stop(world.now_us)
        else:
            world.engine.abandon("room", world.now_us)
        found = records(world)
        assert [(one["end_cause"], one["is_technical_abort"]) for one in found] == [(cause, True)] * 2
        assert world.engine.open_stays() == []


def test_a_grant_that_is_withdrawn_is_no_fault_whatever_the_connection_does() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    world.engine.rooms["room"].people[anna.reply["participant_id"]].grant_id = "g-anna"
    detach(world, "anna")
    world.engine.revoke("g-anna", world.now_us)
    record = record_of(world, "anna")
    assert (record["end_cause"], record["is_technical_abort"]) == ("revoked", False)


def test_what_a_page_reports_adds_up_over_reloads() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    for freezes, frozen_ms, path in ((1, 200, "udp"), (3, 900, "udp"), (0, 0, ""), (2, 300, "relay_tls")):
        report = {"freezes": freezes, "frozen_ms": frozen_ms, "jitter_ms": 10 * freezes, "path": path}
        world.engine.report(anna.request(report=report), world.now_us)
    leave(world, anna)
    record = record_of(world, "anna")
    assert (record["freezes"], record["frozen_ms"], record["jitter_ms"], record["path"]) == (5, 1200, 30, "relay_tls")


def test_an_encoder_is_told_apart_from_its_person() -> None:
    world = World()
    obs = world.peer("anna~whip")
    obs.join()
    world.run(0.1)
    leave(world, obs)
    record = record_of(world, "anna")
    assert record["role"] == "whip"


def test_the_log_is_bounded_and_the_end_gets_in() -> None:
    stays = Stays("room", lambda size: bytes(size))
    stays.join("anna", "host", 0)
    for number in range(1000):
        stay = stays.get("anna")
        assert stay is not None
        stay.lose(number, in_order=False)
        stay.come_back(number, "resumed")
    stays.end("anna", "left", 2000)
    [ended] = stays.ended
    log = ended.record(0)["log"]
    assert len(log) == MAX_LOG
    assert log[-1][1] == "left"


def test_a_stay_shows_nobody_in_logs() -> None:
    assert "anna" not in repr(Stay("id", "room", "anna", "host", 0))
