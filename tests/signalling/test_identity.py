"""The front's part that knows people: what keeps a session alive in a meeting, and what a front needs to start."""

from dataclasses import replace

import pytest

from auth.proxies import ProxyRelation
from auth.pseudonyms import PseudonymKeyError
from signalling.front import Front
from signalling.settings import FrontSettings
from tests.signalling.browsing import acting, patient, staff
from tests.signalling.conftest import KEYS, NOW

CHILD = "p-" + "b" * 26


async def test_a_meeting_keeps_a_session_alive_until_its_absolute_limit(front: Front) -> None:
    session = staff()
    await front.identity.sessions.start(session)
    for age in range(0, 43200, 1500):
        assert await front.identity.keep_alive(session.grant_id, NOW + age)
    assert not await front.identity.keep_alive(session.grant_id, NOW + 43200)
    assert not await front.identity.keep_alive("s-unknown", NOW)


@pytest.mark.attack
async def test_a_proxy_in_a_meeting_is_out_when_the_right_to_act_has_ended(front: Front) -> None:
    session = replace(patient(), acting_for=acting(CHILD))
    relation = ProxyRelation(CHILD, "Alva", "grant", frozenset({"meetings"}), int(NOW) + 600)
    await front.identity.proxies.replace(session.actor, [relation], NOW)
    await front.identity.sessions.start(session)
    assert await front.identity.keep_alive(session.grant_id, NOW + 599)
    assert not await front.identity.keep_alive(session.grant_id, NOW + 600)
    assert await front.revocations.is_revoked(session.grant_id)
    assert await front.identity.sessions.of_grant(session.grant_id) is None


async def test_patients_cannot_log_in_without_the_key_of_their_ids() -> None:
    with pytest.raises(PseudonymKeyError):
        Front(FrontSettings(patient_issuer="https://broker.example"), KEYS)
