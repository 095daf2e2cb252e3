"""What a meeting token makes of its holder, and the one check before every door."""

import pytest

from auth.permissions import Action
from auth.principal import Principal
from auth.tokens import MeetingClaims
from signalling.entry import RefusedError, may, principal_of, resource_of
from signalling.front import Front
from tests.signalling.conftest import KEYS, NOW, meeting_token

pytestmark = pytest.mark.usefixtures("worker")


def claims(**changes: object) -> MeetingClaims:
    return KEYS.check_meeting(meeting_token(**changes), now=NOW)


@pytest.mark.parametrize(
    ("changes", "kind", "roles"),
    [
        ({"role": "host"}, "staff", {"staff"}),
        ({"role": "participant"}, "patient", {"patient"}),
        ({"role": "participant", "subject": "p-child"}, "patient", {"proxy"}),
        ({"role": "guest"}, "guest", {"guest"}),
        ({"role": "interpreter"}, "interpreter", {"interpreter"}),
    ],
)
def test_a_token_makes_a_principal_of_its_meeting_alone(changes: dict[str, object], kind: str, roles: set[str]) -> None:
    principal: Principal = principal_of(claims(**changes, grant_id="g"))
    assert (principal.kind, principal.roles) == (kind, roles)
    assert (principal.actor, principal.meeting_id, principal.grant_id) == ("anna", "room", "g")
    assert principal.is_proxy is ("subject" in changes)


@pytest.mark.attack
def test_a_meeting_token_opens_nothing_but_its_meeting() -> None:
    inside = {
        Action.MEETING_WAIT,
        Action.MEETING_ENTER,
        Action.MEETING_TAKE_PART,
        Action.MEETING_RENEW_TOKEN,
        Action.MEETING_CHAT,
        Action.WHIP_PUBLISH,
        Action.WHEP_WATCH,
        Action.TURN_CREDENTIALS,
    }
    hosts = {Action.MEETING_SEE_WAITING, Action.MEETING_ADMIT, Action.MEETING_REMOVE, Action.MEETING_RULE_CHAT}
    for role in ("host", "participant", "guest", "interpreter"):
        # What concerns a login's session takes its cookie, which no meeting token is.
        allowed = {one for one in Action if may(claims(role=role), one) and not one.startswith("session_")}
        extra = hosts if role == "host" else set()
        assert allowed - {Action.MEETING_FILE} == inside | extra, role
        assert (Action.MEETING_FILE in allowed) is (role != "interpreter")


def test_only_a_host_is_named_as_one() -> None:
    assert resource_of(claims(role="host")).host_ids == {"anna"}
    assert resource_of(claims(role="participant")).host_ids == frozenset()


@pytest.mark.attack
async def test_the_check_refuses_in_an_order_that_tells_strangers_nothing(front: Front) -> None:
    await front.revocations.revoke("withdrawn", "test")
    await front.admissions.remove("room", "removed")

    async def code(token: str) -> str:
        try:
            await front.entry.check(token, Action.MEETING_ENTER)
        except RefusedError as error:
            return error.code
        return "ok"

    assert await code("x") == "token_invalid"
    assert await code(meeting_token(room_id="nowhere", scopes=frozenset({"whip"}))) == "token_invalid"
    assert await code(meeting_token(room_id="nowhere", grant_id="withdrawn")) == "revoked"
    assert await code(meeting_token(grant_id="removed")) == "removed"
    assert await code(meeting_token(room_id="nowhere")) == "unknown_room"
    assert await code(meeting_token()) == "ok"


async def test_admission_is_known_by_token_or_by_a_hosts_decision(front: Front) -> None:
    waiting = meeting_token(admitted=False, grant_id="g")
    assert not (await front.entry.check(waiting, Action.MEETING_ENTER)).is_admitted
    await front.admissions.admit("room", "g")
    assert (await front.entry.check(waiting, Action.MEETING_ENTER)).is_admitted
    assert not (await front.entry.check(meeting_token(admitted=False), Action.MEETING_ENTER)).is_admitted
