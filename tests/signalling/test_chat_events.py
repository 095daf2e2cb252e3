"""Chat events on real sockets: a front, a Valkey, Socket.IO clients."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from redis.asyncio import Redis

from auth.principal import Commission, Principal
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.gates import OpenGate
from chat.keys import Keys
from signalling.front import Front
from tests.patience import PATIENCE_S
from tests.signalling.conftest import Client, MakeClient, MakeFront, meeting_token, time_to_join_is_over

ROOM = "meeting-room"


async def hello(client: Client, identity: str = "anna", **changes: Any) -> dict[str, Any]:
    token = meeting_token(identity, **changes)
    return await client.ask("chat_hello", {"protocol": 1, "token": token})


async def send(client: Client, text: str, client_id: str, conversation_id: str = ROOM) -> dict[str, Any]:
    return await client.ask("chat_send", {"conversation_id": conversation_id, "client_id": client_id, "text": text})


async def open_chat(client: Client, last_seq: int | None = 0, conversation_id: str = ROOM) -> dict[str, Any]:
    return await client.ask("chat_open", {"conversation_id": conversation_id, "last_seq": last_seq})


def code(reply: dict[str, Any]) -> str:
    assert not reply["ok"], reply
    return str(reply["error"]["code"])


async def test_a_message_reaches_readers_at_two_fronts_once(
    front: Front, make_front: MakeFront, make_client: MakeClient
) -> None:
    other_front = await make_front()
    anna, bo = await make_client(), await make_client(other_front)
    assert (await hello(anna))["meeting"] == ROOM
    await hello(bo, "bo")
    for client in (anna, bo):
        opened = await open_chat(client)
        assert opened["ok"]
        assert opened["live"]
        assert opened["last_seq"] == 0
    first = await send(anna, "hej", "c1")
    again = await send(anna, "hej", "c1")
    assert (first["seq"], first["repeated"]) == (1, False)
    assert (again["seq"], again["repeated"]) == (1, True)
    await send(bo, "hej själv", "c1")  # another author's id is another message
    for client in (anna, bo):
        second = await client.wait_for("chat_event", 2)
        assert [event["seq"] for event in client.named("chat_event")] == [1, 2]
        assert second["body"] == {"text": "hej själv"}
        assert second["author_name"] == "Name of bo"


async def test_messages_that_do_not_wait_for_each_other_are_appended_and_answered_in_their_order(
    make_client: MakeClient,
) -> None:
    anna = await make_client()
    await hello(anna)
    await open_chat(anna)
    await send(anna, "först", "c0")  # the conversation is known from here on, and messages take the hot lane
    replies = await asyncio.gather(
        *(send(anna, f"nr {number}", f"c{number}") for number in range(1, 11)),
        anna.ask("chat_withdraw", {"conversation_id": ROOM, "target": 1, "client_id": "w"}),
        send(anna, "sist", "c11"),
        send(anna, "nr 3", "c3"),
        send(anna, " ", "c12"),
    )
    assert [reply["seq"] for reply in replies[:12]] == list(range(2, 14))
    assert (replies[12]["seq"], replies[12]["repeated"]) == (4, True)
    assert code(replies[13]) == "invalid_message"
    await anna.wait_for("chat_event", 13)
    assert [event["seq"] for event in anna.named("chat_event")] == list(range(1, 14))
    assert anna.named("chat_event")[-1]["body"] == {"text": "sist"}


async def test_a_meeting_that_is_closed_takes_no_message_by_any_way(front: Front, make_client: MakeClient) -> None:
    anna = await make_client()
    await hello(anna)
    assert (await send(anna, "hej", "c1"))["ok"]
    known = await front.chat.store.conversation(ROOM)
    assert known is not None
    await front.chat.store.update(replace(known, state="closed"))
    assert [code(await send(anna, "hej", f"d{number}")) for number in range(2)] == ["conversation_closed"] * 2


async def test_a_new_socket_resumes_after_its_last_number(make_client: MakeClient) -> None:
    anna, bo = await make_client(), await make_client()
    await hello(anna)
    for number in range(5):
        await send(anna, f"nr {number}", f"c{number}")
    await hello(bo, "bo")
    positions = [{"conversation_id": ROOM, "last_seq": 3}, {"conversation_id": "meeting-other", "last_seq": 0}]
    resumed = await bo.ask("chat_resume", {"positions": positions})
    mine, foreign = resumed["conversations"]
    assert [event["seq"] for event in mine["events"]] == [4, 5]
    assert mine["live"]
    assert foreign["error"] == "unknown_conversation"
    assert not foreign["live"]


async def test_edits_and_withdrawals_are_events_and_withdrawn_text_is_shown_to_nobody(make_client: MakeClient) -> None:
    anna, bo = await make_client(), await make_client()
    await hello(anna)
    await hello(bo, "bo")
    await send(anna, "fel text", "c1")
    ids = {"conversation_id": ROOM, "target": 1}
    assert (await anna.ask("chat_edit", ids | {"client_id": "c2", "text": "rätt"}))["seq"] == 2
    assert code(await bo.ask("chat_edit", ids | {"client_id": "c3", "text": "min"})) == "not_author"
    assert (await anna.ask("chat_withdraw", ids | {"client_id": "c4"}))["seq"] == 3
    opened = await open_chat(bo)
    assert [(event["kind"], event["body"], event["withdrawn"]) for event in opened["events"]] == [
        ("message", {}, True),
        ("edit", {}, True),
        ("withdrawal", {}, False),
    ]
    assert code(await anna.ask("chat_edit", ids | {"client_id": "c5", "text": "x"})) == "message_withdrawn"
    history = await bo.ask("chat_history", {"conversation_id": ROOM, "before": 3, "limit": 1})
    assert [event["seq"] for event in history["events"]] == [2]
    found = await bo.ask("chat_search", {"conversation_id": ROOM, "query": "rätt"})
    assert found["events"] == []
    assert found["before"] == 0


async def test_search_finds_words_whatever_their_case(make_client: MakeClient) -> None:
    anna = await make_client()
    await hello(anna)
    await send(anna, "Ta ÄPPLE och päron", "c1")
    await send(anna, "bara päron", "c2")
    found = await anna.ask("chat_search", {"conversation_id": ROOM, "query": "äpple PÄRON"})
    assert [event["seq"] for event in found["events"]] == [1]


async def test_search_does_not_find_what_was_edited_away_in_any_answer(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.history.MAX_SCANNED_PAGES", 1)
    monkeypatch.setattr("chat.service.MAX_PAGE", 4)
    anna = await make_client()
    await hello(anna)
    for number, text in enumerate(("hemligt päron", "päron", "äpple", "banan")):
        await send(anna, text, f"c{number}")
    edit = {"conversation_id": ROOM, "target": 1, "client_id": "e1", "text": "ingenting"}
    assert (await anna.ask("chat_edit", edit))["seq"] == 5
    query = {"conversation_id": ROOM, "query": "päron"}
    first = await anna.ask("chat_search", query)
    second = await anna.ask("chat_search", query | {"before": first["before"]})
    assert [event["seq"] for event in first["events"] + second["events"]] == [2]
    found = await anna.ask("chat_search", {"conversation_id": ROOM, "query": "ingenting", "before": 2})
    assert [(event["seq"], event["body"]["text"]) for event in found["events"]] == [(1, "ingenting")]


async def test_typing_and_live_text_reach_the_others_and_leave_nothing(make_client: MakeClient) -> None:
    anna, bo = await make_client(), await make_client()
    await hello(anna)
    await hello(bo, "bo")
    await open_chat(bo)
    assert (await anna.ask("chat_type", {"conversation_id": ROOM, "typing": True}))["ok"]
    assert (await bo.wait_for("chat_typists"))["author_name"] == "Name of anna"
    edits = [{"at": 0, "erase": 0, "insert": "h"}, {"at": 1, "erase": 0, "insert": "å"}]
    live = {"conversation_id": ROOM, "draft_id": "d1", "number": 0, "text": "", "edits": edits}
    assert (await anna.ask("chat_live", live))["ok"]
    shown = await bo.wait_for("chat_text")
    assert (shown["draft_id"], shown["edits"], shown["text"]) == ("d1", edits, "")
    assert (await open_chat(bo))["last_seq"] == 0


@pytest.mark.attack
@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("chat_send", {"conversation_id": "meeting-other", "client_id": "c", "text": "x"}, "unknown_conversation"),
        ("chat_send", {"conversation_id": "case-abc", "client_id": "c", "text": "x"}, "unknown_conversation"),
        ("chat_open", {"conversation_id": "notes-abc", "last_seq": 0}, "unknown_conversation"),
        ("chat_open", {"conversation_id": "../../x", "last_seq": 0}, "unknown_conversation"),
        ("chat_history", {"conversation_id": "staff-abc", "before": 9}, "unknown_conversation"),
        ("chat_search", {"conversation_id": "meeting-other", "query": "xx"}, "unknown_conversation"),
        ("chat_receipt", {"conversation_id": "meeting-other", "delivered": 1, "read": 1}, "unknown_conversation"),
        ("chat_type", {"conversation_id": "meeting-other", "typing": True}, "unknown_conversation"),
        ("chat_rule", {"conversation_id": "meeting-other", "hosts_only": True}, "unknown_conversation"),
        ("chat_rule", {"conversation_id": "case-abc", "hosts_only": True}, "unknown_conversation"),
        ("chat_send", {"conversation_id": ROOM, "client_id": "c", "text": "x" * 8001}, "message_too_large"),
        ("chat_send", {"conversation_id": ROOM, "client_id": "c", "text": "x" * 40_000}, "message_too_large"),
        ("chat_send", {"conversation_id": ROOM, "client_id": "c", "text": "  "}, "invalid_message"),
        ("chat_send", {"conversation_id": ROOM, "client_id": "c\0d", "text": "x"}, "invalid_message"),
        ("chat_send", {"conversation_id": ROOM, "client_id": "c", "text": "x", "author": "bo"}, "invalid_message"),
        ("chat_send", {"conversation_id": ROOM, "client_id": "c", "text": "", "attachments": ["a"]},
         "unknown_attachment"),
        ("chat_edit", {"conversation_id": ROOM, "client_id": "c", "target": 77, "text": "x"}, "unknown_message"),
        ("chat_history", {"conversation_id": ROOM, "before": 1, "limit": 101}, "invalid_message"),
        ("chat_nonsense", {}, "invalid_message"),
        ("chat_open", [], "invalid_message"),
    ],
)  # fmt: skip
async def test_what_is_not_theirs_or_not_right_is_refused(
    make_client: MakeClient, front: Front, event: str, payload: Any, expected: str
) -> None:
    anna = await make_client()
    await hello(anna)
    for name in ("meeting-other", "case-abc", "notes-abc", "staff-abc"):
        await front.chat.store.create(Conversation(name, meeting_id="other", unit_hsa_id="u", provider_hsa_id="p"))
    assert code(await anna.ask(event, payload)) == expected


@pytest.mark.attack
async def test_nobody_chats_before_they_said_who_they_are(make_client: MakeClient) -> None:
    anna = await make_client()
    assert code(await send(anna, "hej", "c1")) == "not_logged_in"
    assert code(await anna.ask("chat_hello", {"protocol": 1})) == "not_logged_in"
    assert code(await anna.ask("chat_hello", {"protocol": 1, "token": "x"})) == "token_invalid"
    assert code(await anna.ask("chat_hello", {"protocol": 2})) == "unsupported_protocol"
    assert code(await hello(anna, admitted=False)) == "not_admitted"


@pytest.mark.attack
async def test_a_flood_of_messages_is_refused_over_all_sockets_of_a_person(make_client: MakeClient) -> None:
    anna, second = await make_client(), await make_client()
    await hello(anna)
    await hello(second)
    replies = [await send(client, "hej", f"c{number}") for number in range(15) for client in (anna, second)]
    assert "rate_limited" in {reply["error"]["code"] for reply in replies if not reply["ok"]}
    assert sum(reply["ok"] for reply in replies) >= 15


@pytest.mark.attack
async def test_many_conversations_at_once_count_as_many(make_client: MakeClient) -> None:
    """Each of them is read, and in a case each read stands in the audit log."""
    anna = await make_client()
    await hello(anna)
    positions = [{"conversation_id": ROOM, "last_seq": 0}] * 19
    answers = [await anna.ask("chat_resume", {"positions": positions}) for _ in range(5)]
    errors = [[one["error"] for one in answer["conversations"]] for answer in answers if answer["ok"]]
    assert {error for answer in errors for error in answer} == {None, "rate_limited"}
    assert all(answer[0] is None for answer in errors)


def staff(unit: str = "unit", provider: str = "provider", actor: str = "SE-1") -> Principal:
    commission = Commission(f"c-{unit}", unit, provider, unit, frozenset({"staff"}))
    return Principal(
        "staff", frozenset({"staff"}), actor, None, "Sara", frozenset(), commission, None,
        "http://id.elegnamnden.se/loa/1.0/loa3", 0, f"grant-{actor}",
    )  # fmt: skip


def patient(person: str = "p-anna", subject: str = "", scopes: frozenset[Any] = frozenset()) -> Principal:
    is_proxy = bool(subject)
    return Principal(
        "patient", frozenset({"proxy" if is_proxy else "patient"}), person, subject or person, "Anna", scopes, None,
        None, "http://id.elegnamnden.se/loa/1.0/loa3", 0, f"grant-{person}",
    )  # fmt: skip


class Recorded:
    """An access log in memory."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []

    async def record(self, principal: Principal, action: str, conversation: Conversation) -> None:
        self.entries.append((principal.actor, str(action), conversation.conversation_id))

    async def refuse(self, principal: Principal, action: str, conversation: Conversation) -> None:
        self.entries.append((principal.actor, f"refused {action}", conversation.conversation_id))


LoggedIn = Callable[[Principal], Awaitable[Client]]


@pytest.fixture
async def logged_in(front: Front, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> LoggedIn:
    """Sockets whose cookie names a person; the log of who looks is ``front.chat.service.access_log``."""
    front.chat.service.access_log = Recorded()
    front.chat.service.gate = OpenGate()  # conversations without a case's workflow
    for name in ("case-1", "notes-1"):
        await front.chat.store.create(
            Conversation(name, provider_hsa_id="provider", unit_hsa_id="unit", patient_person_id="p-anna")
        )

    async def make(principal: Principal) -> Client:
        async def by_request(_request: Any, *, is_use: bool) -> Principal:
            return principal

        monkeypatch.setattr(front.chat.events._door, "by_request", by_request)
        client = await make_client()
        assert (await client.ask("chat_hello", {"protocol": 1}))["ok"]
        return client

    return make


async def test_patient_and_unit_talk_in_a_case_with_receipts_presence_and_a_log_of_reads(
    front: Front, logged_in: LoggedIn
) -> None:
    anna, sara = await logged_in(patient()), await logged_in(staff())
    for client in (anna, sara):
        assert (await open_chat(client, conversation_id="case-1"))["live"]
    assert (await send(anna, "ont i halsen", "c1", "case-1"))["seq"] == 1
    event = await sara.wait_for("chat_event")
    assert event["author_role"] == "patient"
    assert "p-anna" not in str(event)
    receipt = await sara.ask("chat_receipt", {"conversation_id": "case-1", "delivered": 1, "read": 1})
    assert (receipt["delivered"], receipt["read"]) == (1, 1)
    told = await anna.wait_for("chat_receipts")
    assert told["read"] == 1
    assert "SE-1" not in str(told)
    reopened = await open_chat(anna, 1, conversation_id="case-1")
    assert reopened["receipts"] == [{"reader": told["reader"], "delivered": 1, "read": 1}]
    assert ("SE-1", "case_read", "case-1") in front.chat.service.access_log.entries
    people = [set(presence["people"]) for presence in anna.named("chat_presence")]
    assert {reopened["me"], told["reader"]} in people


@pytest.mark.attack
@pytest.mark.parametrize(
    "principal",
    [
        patient("p-eva"),
        patient("p-eva", "p-anna"),
        patient("p-eva", "p-anna", frozenset({"book"})),
        staff("another-unit"),
        staff("unit", "another-provider"),
    ],
    ids=["another patient", "proxy without scopes", "proxy without messages", "another unit", "another provider"],
)
async def test_the_wrong_person_or_tenant_finds_no_case(
    front: Front, logged_in: LoggedIn, principal: Principal
) -> None:
    client = await logged_in(principal)
    for name in ("case-1", "notes-1"):
        assert code(await open_chat(client, conversation_id=name)) == "unknown_conversation"
        assert code(await send(client, "hej", "c1", name)) == "unknown_conversation"
    assert isinstance(front.chat.service.access_log, Recorded)
    actions = [action for _, action, _ in front.chat.service.access_log.entries]
    assert actions == ["refused case_read", "refused case_write", "refused staff_chat", "refused staff_chat"]


@pytest.mark.attack
async def test_internal_notes_are_not_there_for_the_patient_they_are_about(logged_in: LoggedIn) -> None:
    anna, sara = await logged_in(patient()), await logged_in(staff())
    assert code(await open_chat(anna, conversation_id="notes-1")) == "unknown_conversation"
    assert (await send(sara, "intern", "c1", "notes-1"))["ok"]


@pytest.mark.attack
async def test_who_may_no_longer_read_is_let_go_at_once(front: Front, logged_in: LoggedIn) -> None:
    sara = await logged_in(staff())
    await open_chat(sara, conversation_id="case-1")
    moved = Conversation("case-1", provider_hsa_id="provider", unit_hsa_id="elsewhere", patient_person_id="p-anna")
    await front.chat.store.update(moved)
    assert (await sara.wait_for("chat_ended"))["conversation_id"] == "case-1"
    await front.chat.service.system("case-1", "s1", "case_changed", {})
    assert (await sara.ask("chat_hello", {"protocol": 1}))["ok"]  # a round trip later
    assert sara.named("chat_event") == []


@pytest.mark.attack
async def test_a_closed_conversation_takes_no_messages(front: Front, logged_in: LoggedIn) -> None:
    anna = await logged_in(patient())
    await open_chat(anna, conversation_id="case-1")
    closed = Conversation(
        "case-1", provider_hsa_id="provider", unit_hsa_id="unit", patient_person_id="p-anna", state="closed"
    )
    await front.chat.store.update(closed)
    assert (await anna.wait_for("chat_changed"))["state"] == "closed"
    assert code(await send(anna, "hej", "c1", "case-1")) == "conversation_closed"


async def test_a_withdrawn_grant_ends_the_socket(front: Front, logged_in: LoggedIn) -> None:
    anna = await logged_in(patient())
    await front.revocations.revoke("grant-p-anna", "logout")
    await asyncio.wait_for(anna.gone.wait(), PATIENCE_S)


@pytest.mark.attack
async def test_who_was_removed_from_a_meeting_reads_its_chat_no_more(
    front: Front, make_front: MakeFront, make_client: MakeClient
) -> None:
    other_front = await make_front()
    anna, bo = await make_client(), await make_client()
    await hello(anna)
    await hello(bo, "bo")
    grants = {socket.principal.actor: socket.principal.grant_id for socket in front.chat.events._sockets.values()}
    assert grants["anna"] != grants["bo"]
    await front.admissions.remove("room", grants["anna"])
    await other_front.tell_removed("room", grants["anna"])
    await asyncio.wait_for(anna.gone.wait(), PATIENCE_S)
    assert (await send(bo, "hej", "c1"))["ok"]


@pytest.mark.attack
async def test_who_may_no_longer_read_is_let_go_though_nobody_told_the_front(
    front: Front, logged_in: LoggedIn, redis_client: Redis
) -> None:
    """What is published while a front's connection is away reaches it never."""
    sara, anna = await logged_in(staff()), await logged_in(patient())
    principals = [staff(), patient(), staff(), patient()]
    front.chat.events._door.by_request = AsyncMock(side_effect=principals)  # type: ignore[method-assign]
    for client in (sara, anna):
        assert (await open_chat(client, conversation_id="case-1"))["live"]
    await redis_client.hset(Keys("case-1").meta, "unit_hsa_id", "elsewhere")
    await front.chat.events.check_logins()
    assert (await sara.wait_for("chat_ended"))["conversation_id"] == "case-1"
    assert (await send(anna, "hej", "c1", "case-1"))["ok"]
    await anna.wait_for("chat_event")
    await redis_client.delete(Keys("case-1").meta)
    await front.chat.events.check_logins()
    await anna.wait_for("chat_ended")
    assert sara.named("chat_event") == []
    assert len(sara.named("chat_ended")) == 1


@pytest.mark.attack
async def test_a_right_that_ended_while_the_store_was_away_is_looked_at_again(
    front: Front, logged_in: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    eva = await logged_in(patient("p-eva", "p-anna", frozenset({"messages"})))
    assert (await open_chat(eva, conversation_id="case-1"))["live"]
    monkeypatch.setattr(front.chat.events._door, "by_request", AsyncMock(return_value=patient("p-eva", "p-anna")))
    with monkeypatch.context() as away:
        away.setattr(front.chat.store, "conversations", AsyncMock(side_effect=ChatError("chat_unavailable")))
        with pytest.raises(ChatError, match="chat_unavailable"):
            await front.chat.events.check_logins()
    await front.chat.events.check_logins()
    await eva.wait_for("chat_ended")


async def test_who_was_let_go_is_not_present_any_more(front: Front, logged_in: LoggedIn) -> None:
    sara = await logged_in(staff())
    await open_chat(sara, conversation_id="case-1")
    presence = front.chat.events._presence
    assert [conversation_id for conversation_id, _ in presence] == ["case-1"]
    await front.chat.store.update(Conversation("case-1", provider_hsa_id="provider", unit_hsa_id="elsewhere"))
    await sara.wait_for("chat_ended")
    await front.chat.events.check_logins()
    assert list(presence) == []
    assert (await sara.ask("chat_hello", {"protocol": 1}))["ok"]
    assert len(sara.named("chat_ended")) == 1


@pytest.mark.attack
async def test_a_proxy_whose_right_ends_is_let_go_and_a_login_that_ended_ends_the_socket(
    front: Front, logged_in: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    eva = await logged_in(patient("p-eva", "p-anna", frozenset({"messages"})))
    assert (await open_chat(eva, conversation_id="case-1"))["live"]
    uses: list[bool] = []
    now: Principal | None = patient("p-eva", "p-anna")

    async def by_request(_request: Any, *, is_use: bool) -> Principal | None:
        uses.append(is_use)
        return now

    monkeypatch.setattr(front.chat.events._door, "by_request", by_request)
    await eva.ask("chat_type", {"conversation_id": "case-1", "typing": True})
    await front.chat.events.check_logins()
    assert (await eva.wait_for("chat_ended"))["conversation_id"] == "case-1"
    assert code(await send(eva, "hej", "c1", "case-1")) == "unknown_conversation"
    await front.chat.events.check_logins()
    await front.chat.events.check_logins()
    assert uses == [True, True, False]
    now = None
    await front.chat.events.check_logins()
    await asyncio.wait_for(eva.gone.wait(), PATIENCE_S)


async def test_a_socket_that_chats_need_not_join(make_client: MakeClient, front: Front) -> None:
    silent, anna = await make_client(), await make_client()
    await hello(anna)
    time_to_join_is_over(front)
    await asyncio.wait_for(silent.gone.wait(), PATIENCE_S)
    assert (await send(anna, "hej", "c1"))["ok"]


@pytest.mark.attack
async def test_a_slow_reader_is_told_to_resume_and_the_others_get_everything(
    front: Front, make_client: MakeClient
) -> None:
    slow, quick = await make_client(), await make_client()
    await hello(slow)
    await hello(quick, "bo")
    await open_chat(slow)
    await open_chat(quick)
    (socket,) = [socket for socket in front.chat.events._sockets.values() if socket.principal.actor == "anna"]
    socket.max_unsent_bytes = -1
    for number in range(3):
        await front.chat.service.system(ROOM, f"s{number}", "test", {})
    await quick.wait_for("chat_event", 3)
    assert (await slow.wait_for("chat_lagging"))["seq"] == 0
    assert slow.named("chat_event") == []
    socket.max_unsent_bytes = 1000
    resumed = await open_chat(slow, 0)
    assert [event["seq"] for event in resumed["events"]] == [1, 2, 3]
    assert resumed["live"]


async def test_readers_survive_a_lost_news_connection(make_client: MakeClient, redis_client: Redis) -> None:
    anna = await make_client()
    await hello(anna)
    await open_chat(anna)
    for number in range(10):
        assert (await send(anna, "hej", f"c{number}"))["ok"]
        await redis_client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await anna.wait_for("chat_event", 10)
    assert [event["seq"] for event in anna.named("chat_event")] == list(range(1, 11))
