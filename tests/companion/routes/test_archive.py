"""The archive through the API: kept once, kept whole, read by the patient and the unit alone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from companion.archive_files import ArchiveDirectory
from companion.models.archive import ArchivedFile, FileToErase
from companion.services import Services
from companion.store.archive import erase_files
from companion.sweeper import sweep_once
from tests.companion.archived import CASE, FILE, FRONT, NOTES, NURSE, message, put_file, put_transcript, with_file
from tests.companion.people import (
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    Api,
    VirtualClock,
    patient,
    proxy,
    service,
    staff,
)

PATH = f"/archive/conversations/{CASE}"
CASES = "/cases/archived"


def on_disk(services: Services) -> list[bytes]:
    """What lies in the archive's directory."""
    root: Path = services.settings.companion_archive_dir
    return sorted(path.read_bytes() for path in root.rglob("*") if path.is_file())


# --- transcripts -------------------------------------------------------------------------------------------------


async def test_a_transcript_is_kept_and_the_same_again_changes_nothing(api: Api) -> None:
    events = [message(1), message(2, "Svar", author=NURSE)]
    assert (await api.get(PATH, FRONT)).json() == {"events": 0, "last_seq": 0, "attachment_ids": []}
    for _ in range(2):
        assert (await put_transcript(api, events)).status_code == 204
    assert (await api.get(PATH, FRONT)).json() == {"events": 2, "last_seq": 2, "attachment_ids": []}


async def test_a_longer_transcript_adds_what_is_new(api: Api) -> None:
    """The front died after it had handed over the first part, and the case went on meanwhile."""
    await put_transcript(api, [message(1), message(2)])
    assert (await put_transcript(api, [message(1), message(2), message(3, "mer")])).status_code == 204
    assert (await put_transcript(api, [message(4)])).status_code == 204
    page = (await api.get(f"{CASES}/{CASE}", patient())).json()
    assert [event["seq"] for event in page["events"]] == [1, 2, 3, 4]


async def test_something_else_under_the_same_number_is_a_conflict_and_changes_nothing(api: Api) -> None:
    await put_transcript(api, [message(1, "först")])
    answer = await put_transcript(api, [message(1, "sedan"), message(2)])
    assert (answer.status_code, answer.json()["code"]) == (409, "archive_conflict")
    other = await put_transcript(api, [message(1, "först")], patient_person_id=BO)
    assert other.json()["code"] == "archive_conflict"
    page = (await api.get(f"{CASES}/{CASE}", patient())).json()
    assert [event["body"] for event in page["events"]] == [{"text": "först"}]


@pytest.mark.parametrize("numbers", [(1, 3), (2, 1), (1, 1)])
async def test_numbers_have_no_hole(api: Api, numbers: tuple[int, int]) -> None:
    answer = await put_transcript(api, [message(number) for number in numbers])
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_request", "events")


async def test_any_text_is_kept_as_it_is(api: Api) -> None:
    texts = ["\x00", "😀", "</script>", "å" * 8000]
    for seq, text in enumerate(texts, 1):
        assert (await put_transcript(api, [message(seq, text)], title="En\x00fråga")).status_code == 204
    page = (await api.get(f"{CASES}/{CASE}?limit=2", patient())).json()
    assert [event["body"]["text"] for event in page["events"]] == texts[:2]
    assert page["next_after"] == 2
    assert page["case"]["title"] == "En\N{REPLACEMENT CHARACTER}fråga"


@pytest.mark.attack
async def test_what_could_not_be_read_again_is_refused(api: Api) -> None:
    good = await put_transcript(api, [message(1, "TEXT")])
    assert good.status_code == 204
    for text in (b'"\\ud800"', b"NaN"):
        content = good.request.content.replace(b'"TEXT"', text)
        answer = await api.http.put(good.request.url, content=content, headers=good.request.headers)
        assert (answer.status_code, answer.json()["code"]) in ((422, "invalid_request"), (400, "malformed"))


# --- who reads ---------------------------------------------------------------------------------------------------


async def test_patient_proxy_and_unit_read_and_nobody_else(api: Api) -> None:
    await put_transcript(api, [message(1), message(2, "Svar", author=NURSE)], patient_person_id=CHILD)
    for reader in (patient(CHILD), proxy(), staff()):
        page = (await api.get(f"{CASES}/{CASE}", reader)).json()
        assert [event["body"]["text"] for event in page["events"]] == ["Hej", "Svar"]
        assert "author" not in page["events"][1]  # no HSA-id reaches a browser
        assert [case["case_id"] for case in (await api.get(CASES, reader)).json()["cases"]] == [CASE]
    foreign = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for stranger in (patient(BO), staff(unit=OTHER_UNIT), foreign, proxy(scopes=frozenset({"book"}))):
        answer = await api.get(f"{CASES}/{CASE}", stranger)
        assert answer.status_code in (403, 404)
        listed = await api.get(CASES, stranger)
        assert listed.status_code == 403 or listed.json()["cases"] == []
    assert (await api.get(f"{CASES}/{CASE}", patient(BO))).status_code == 404
    assert (await api.get(f"{CASES}/{CASE}", staff("scheduler"))).status_code == 403


async def test_notes_are_the_units_alone(api: Api) -> None:
    await put_transcript(api, [message(1, "internt", author=NURSE)], NOTES)
    assert (await api.get(f"{CASES}/{NOTES}", staff())).json()["events"][0]["body"] == {"text": "internt"}
    assert (await api.get(f"{CASES}/{NOTES}", patient())).status_code == 404
    assert (await api.get(f"{CASES}/{NOTES}", staff(unit=OTHER_UNIT))).status_code == 404
    assert (await api.get(CASES, patient())).json()["cases"] == []


async def test_what_was_withdrawn_is_shown_to_nobody(api: Api) -> None:
    events = [
        message(1, "fel patient", author=NURSE),
        message(2, "ändrat", author=NURSE, kind="edit", target=1),
        message(3, author=NURSE, kind="withdrawal", target=1, body={}),
        message(4, "kvar"),
    ]
    await put_transcript(api, events)
    for reader in (patient(), staff()):
        page = (await api.get(f"{CASES}/{CASE}", reader)).json()
        assert [event["body"] for event in page["events"]] == [{}, {}, {}, {"text": "kvar"}]
        assert [event["is_withdrawn"] for event in page["events"]] == [True, True, False, False]


async def test_each_look_stands_in_the_audit_log(api: Api) -> None:
    await put_transcript(api, [message(1)])
    await api.get(f"{CASES}/{CASE}", staff())
    await api.get(f"{CASES}/{CASE}", staff(unit=OTHER_UNIT))
    looks = (await api.get("/looks", patient())).json()["looks"]
    assert [(look["action"], look["outcome"]) for look in looks] == [
        ("case_read", "refused"),
        ("case_read", "allowed"),
        ("archive_write", "allowed"),
    ]


# --- files -------------------------------------------------------------------------------------------------------


async def test_a_file_is_kept_whole_and_read_by_whom_it_concerns(api: Api, services: Services) -> None:
    data = bytes(range(256)) * 8000  # more than the limit of other requests
    assert (await api.get(f"{PATH}/files/{FILE}", FRONT)).status_code == 404
    for _ in range(2):
        assert (await put_file(api, data)).status_code == 204
    assert (await api.get(f"{PATH}/files/{FILE}", FRONT)).status_code == 200
    await put_transcript(api, [with_file(1)])
    assert (await api.get(PATH, FRONT)).json()["attachment_ids"] == [FILE]
    answer = await api.get(f"{CASES}/{CASE}/files/{FILE}", patient())
    assert answer.content == data
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''bild%20%C3%A5.png"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (await api.get(f"{CASES}/{CASE}/files/{FILE}", staff())).content == data
    for stranger in (patient(BO), staff(unit=OTHER_UNIT)):
        assert (await api.get(f"{CASES}/{CASE}/files/{FILE}", stranger)).status_code == 404
    assert on_disk(services) == [data]


async def test_other_bytes_under_the_same_id_are_a_conflict(api: Api, services: Services) -> None:
    await put_file(api, b"first")
    answer = await put_file(api, b"second")
    assert (answer.status_code, answer.json()["code"]) == (409, "archive_conflict")
    assert on_disk(services) == [b"first"]


@pytest.mark.attack
async def test_bytes_that_are_not_what_was_announced_are_not_kept(api: Api, services: Services) -> None:
    wrong = "sha-256=:" + "A" * 43 + "=:"
    answer = await put_file(api, b"data", digest=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    for digest in ("sha-256=:AAAA:", "md5=:AAAA:", "x"):
        assert (await put_file(api, b"data", digest=digest)).json()["code"] == "invalid_request"
    assert on_disk(services) == []
    assert (await put_file(api, b"data")).status_code == 204


@pytest.mark.attack
async def test_a_file_that_is_too_large_is_not_kept(api: Api, services: Services) -> None:
    services.settings.__dict__["archive_file_max_bytes"] = 1000
    answer = await put_file(api, b"x" * 1001)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert on_disk(services) == []
    assert (await put_file(api, b"x" * 1000)).status_code == 204


@pytest.mark.attack
async def test_no_path_is_made_of_what_is_no_id(api: Api, services: Services) -> None:
    for conversation_id, attachment_id in (("case-%2e%2e%2fx", FILE), (CASE, "att-%2e%2e"), ("staff-1", FILE)):
        answer = await put_file(api, b"x", attachment_id, conversation_id)
        assert answer.status_code in (404, 422)
    assert on_disk(services) == []
    with pytest.raises(ValueError, match="name"):
        ArchiveDirectory(Path("x")).path("file-../../etc")


async def test_a_withdrawn_messages_file_is_nobodys_to_read(api: Api) -> None:
    await put_file(api, b"data")
    await put_transcript(api, [with_file(1), message(2, kind="withdrawal", target=1, body={})])
    assert (await api.get(f"{CASES}/{CASE}/files/{FILE}", patient())).status_code == 404


async def test_a_file_that_has_vanished_from_the_disk_is_told(api: Api, services: Services) -> None:
    await put_file(api, b"data")
    await put_transcript(api, [with_file(1)])
    for path in services.settings.companion_archive_dir.rglob("file-*"):
        path.unlink()
    assert (await api.get(f"{CASES}/{CASE}/files/{FILE}", patient())).status_code == 404


@pytest.mark.attack
async def test_only_a_program_with_the_scope_archives(api: Api) -> None:
    for other in (service("rooms:write"), service("quality:write")):
        assert (await put_transcript(api, [message(1)], who=other)).status_code == 403
        assert (await put_file(api, b"x", who=other)).status_code == 403
        assert (await api.get(PATH, other)).status_code == 403


# --- what dies in between ----------------------------------------------------------------------------------------


async def test_what_a_dead_process_left_on_the_disk_is_erased(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    """It died between the bytes and the row: the row that said so beforehand leads to the file."""
    await put_file(api, b"data")
    async with services.database.transaction(clock.now) as transaction:
        row = (await transaction.session.scalars(select(ArchivedFile))).one()
        transaction.session.add(FileToErase(stored_name=row.stored_name, due_at=clock.now + timedelta(hours=1)))
        await transaction.session.execute(delete(ArchivedFile))
    await sweep_once(services.database, clock, services.settings)
    assert on_disk(services) == [b"data"]  # whoever writes it may still be at it
    clock.advance(hours=1)
    await sweep_once(services.database, clock, services.settings)
    assert on_disk(services) == []
    assert (await put_file(api, b"data")).status_code == 204  # the front tries again


async def test_a_writer_that_was_given_up_for_dead_keeps_nothing(
    api: Api, services: Services, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ArchiveDirectory.write

    async def slow(self: ArchiveDirectory, stored_name: str, chunks: AsyncIterator[bytes], *, max_bytes: int) -> object:
        written = await write(self, stored_name, chunks, max_bytes=max_bytes)
        clock.advance(hours=2)
        async with services.database.transaction(clock.now) as transaction:
            assert await erase_files(transaction, self) == 1
        return written

    monkeypatch.setattr(ArchiveDirectory, "write", slow)
    assert (await put_file(api, b"data")).status_code == 409
    assert on_disk(services) == []
    monkeypatch.undo()
    assert (await put_file(api, b"data")).status_code == 204


async def test_a_part_of_a_file_is_read_after_a_broken_download(api: Api) -> None:
    await put_transcript(api, [with_file(1)])
    data = bytes(range(256)) * 1000
    assert (await put_file(api, data)).status_code == 204
    path = f"{CASES}/{CASE}/files/{FILE}"
    whole = await api.get(path, patient())
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    tag = whole.headers["etag"]
    part = await api.get(path, patient(), Range="bytes=70000-200000", If_Range=tag)
    assert (part.status_code, part.headers["content-range"]) == (206, "bytes 70000-200000/256000")
    assert part.content == data[70000:200001]
    assert (await api.get(path, staff(), Range="bytes=-3")).content == data[-3:]
    other = await api.get(path, patient(), Range="bytes=0-9", If_Range='"another"')
    assert (other.status_code, other.content) == (200, data)
    beyond = await api.get(path, patient(), Range="bytes=256000-")
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == "bytes */256000"
    assert (await api.get(path, patient(BO), Range="bytes=0-9")).status_code == 404
