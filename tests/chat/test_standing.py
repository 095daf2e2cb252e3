"""What is known of a conversation for a moment."""

from chat.conversation import Conversation
from chat.standing import Standing
from tests.chat.test_fanout import STAFF

OWN = Conversation("staff-a", provider_hsa_id="provider", unit_hsa_id="unit")


def test_rights_are_those_of_the_table_each_time_somebody_asks() -> None:
    standing = Standing(OWN, 5.0)
    assert [standing.rights_of(STAFF) for _ in range(2)] == [(True, True)] * 2
    elsewhere = Standing(Conversation("staff-a", provider_hsa_id="other", unit_hsa_id="unit"), 5.0)
    assert elsewhere.rights_of(STAFF) == (False, False)


def test_it_stands_until_a_time_or_until_something_changed() -> None:
    standing = Standing(OWN, 5.0)
    assert standing.until == 5.0
    standing.end()
    assert standing.until == 0.0
