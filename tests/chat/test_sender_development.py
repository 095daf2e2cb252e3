"""The development sink."""

from redis.asyncio import Redis

from chat.notice_sender import Outgoing
from chat.sender_development import MAX_KEPT, Caught, DevelopmentSender, caught


async def test_the_sink_shows_the_newest_first_and_forgets_the_oldest(redis_client: Redis) -> None:
    sms, email = (DevelopmentSender(redis_client, channel, clock=lambda: 7.5) for channel in ("sms", "email"))
    for number in range(MAX_KEPT):
        assert await sms.send(Outgoing(f"n-{number}", "+46701234567", "", f"text {number}")) == f"n-{number}"
    await email.send(Outgoing("n-x", "anna@example.se", "Subject", "text"))
    found = await caught(redis_client)
    assert len(found) == MAX_KEPT
    assert found[0] == Caught(7, "email", "anna@example.se", "Subject", "text")
    assert found[-1].text == "text 1"
    await sms.close()
