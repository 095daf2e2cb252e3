"""What a real browser leaves behind: a record of how the call went, with what only the browser knows."""

from typing import Any

import msgpack

from sfu.stay_store import FIELD, STREAM
from tests.browser.conftest import Visitor
from tests.browser.polling import until
from tests.browser.service import Service


async def test_a_call_leaves_a_record_for_each_who_was_there(visitor: Visitor) -> None:
    async with Service(ALLTID_COMPANION="false") as service:
        room = await service.room()
        anna = await visitor("Anna", room.link("Anna"))
        bo = await visitor("Bo", room.link("Bo"))
        await anna.sees_and_hears(1)
        measured = "new Promise((resolve) => setTimeout(resolve, 2500))"  # the page looks every two seconds
        await anna.page.evaluate(measured)
        await anna.press("leave")
        await bo.close()

        async def records() -> list[dict[str, Any]]:
            return [msgpack.unpackb(fields[FIELD.encode()]) for _, fields in await service._redis.xrange(STREAM)]

        [record] = await until(records, "Anna's stay is written")
    assert (record["end_cause"], record["is_technical_abort"], record["path"]) == ("left", False, "udp")
    assert record["packets_received"] > 50
    assert record["sent_bps"] > 10_000
    assert record["freezes"] >= 0
    assert record["round_trip_ms"] is not None
    assert [what for _, what in record["log"]] == ["joined", "connected", "left"]
