"""What the test bench seeds, and what it tells the front; when it is started at all."""

import json
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis.asyncio import Redis

from auth import identity_numbers, record_systems
from auth.development.appointments import APPOINTMENTS
from auth.development.persons import patients
from auth.proxies import RedisProxyDirectory
from auth.pseudonyms import Pseudonyms
from signalling.development import TestBench, answers, is_wanted
from signalling.meetings import Meetings
from signalling.settings import FrontSettings

NOW = 1_800_000_000.0
TODAY = datetime.fromtimestamp(NOW, UTC).date()
PSEUDONYMS = Pseudonyms(bytes(range(32)))


@pytest.fixture
def bench() -> TestBench:
    return TestBench(0, 0, "text", 1.0)


def person_id(key: str) -> str:
    number = next(one.number for one in patients(TODAY) if one.key == key)
    return PSEUDONYMS.person_id(identity_numbers.parse(number, today=TODAY))


async def test_it_makes_the_meetings_that_the_record_system_lists(bench: TestBench, redis_client: Redis) -> None:
    await bench.seed(redis_client, PSEUDONYMS, NOW)
    meetings = Meetings(redis_client)
    for appointment in APPOINTMENTS:
        meeting = await meetings.get(appointment.meeting_id)
        assert meeting is not None
        assert (meeting.title, meeting.unit_hsa_id) == (appointment.title, appointment.unit)
        assert meeting.starts_at == appointment.starts_at(NOW)
        assert meeting.host_ids == set(appointment.hosts)
    group = await meetings.get("demo-group")
    assert group is not None
    assert (group.patient, len(group.member_ids)) == (None, 3)
    assert [one.meeting_id for one in await meetings.listed([person_id("alva")], NOW)] == ["demo-alva"]


async def test_it_makes_the_relations_of_proxies(bench: TestBench, redis_client: Redis) -> None:
    await bench.seed(redis_client, PSEUDONYMS, NOW)
    relations = await RedisProxyDirectory(redis_client).relations(person_id("maria"), NOW)
    assert {(one.subject_name, one.kind) for one in relations} == {
        ("Alva Ekdal", "guardian"),
        ("Nils Ekdal", "guardian"),
        ("Bengt Sandvall", "grant"),
    }
    assert not await RedisProxyDirectory(redis_client).relations(person_id("elliot"), NOW)


def test_the_front_is_told_of_provider_and_record_system(bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bench.front_environment({}).items():
        monkeypatch.setenv(name, value)
    settings = FrontSettings()
    assert settings.patient_issuer == f"{bench.provider_url}/patients"
    assert settings.staff_issuer == f"{bench.provider_url}/staff"
    assert settings.patient_client_secret is not None
    assert len(settings.patient_client_secret.get_secret_value()) >= 32
    assert settings.record_systems is not None
    systems = record_systems.parse(settings.record_systems.get_secret_value())
    assert set(systems) == {bench.record_system_url}
    assert len(set(systems[bench.record_system_url].units.values())) == 2


def test_what_is_configured_already_stays(bench: TestBench) -> None:
    given = {"ALLTID_STAFF_ISSUER": "https://idp.example", "ALLTID_RECORD_SYSTEMS_FILE": "/etc/systems.json"}
    environment = bench.front_environment(given)
    assert "ALLTID_STAFF_CLIENT_SECRET" not in environment
    assert "ALLTID_RECORD_SYSTEMS" not in environment
    assert "ALLTID_PATIENT_ISSUER" in environment


def test_the_children_run_in_development_mode_and_share_the_secret(bench: TestBench) -> None:
    children = [bench.provider(""), bench.record_system("http://localhost:1", "")]
    assert {child.environment["ALLTID_MODE"] for child in children} == {"development"}
    secrets = {child.environment["ALLTID_DEVELOPMENT_CLIENT_SECRET"] for child in children}
    (system,) = json.loads(bench.front_environment({})["ALLTID_RECORD_SYSTEMS"])
    assert secrets == {system["smart"]["client_secret"]}


@pytest.mark.parametrize(
    ("mode", "demo", "wanted"),
    [("development", True, True), ("development", False, False), ("production", True, False)],
)
def test_it_belongs_to_demo_data_in_development_mode(mode: str, demo: bool, wanted: bool) -> None:
    assert is_wanted(mode, demo=demo) is wanted


@pytest.mark.attack
def test_nothing_else_of_the_product_imports_the_test_bench() -> None:
    root = Path(__file__).parents[2]
    importers = {
        path.relative_to(root).as_posix()
        for folder in ("auth", "chat", "companion", "loadtest", "rtc", "sfu", "signalling")
        for path in (root / folder).rglob("*.py")
        if re.search(r"^\s*(from|import) auth\.development", path.read_text(), re.MULTILINE)
    }
    bench = ("auth/development/", "companion/demo/")  # the companion's invented data are of the same persons
    outside = {path for path in importers if not path.startswith(bench)}
    assert outside == {
        "signalling/development.py",
        "signalling/development_messages.py",
        "signalling/development_notices.py",
        "signalling/documents.py",
    }


async def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        bench = TestBench(port, 0, "text", 1.0)
        assert bench.provider_url != f"http://localhost:{port}"
        assert await answers(f"http://localhost:{port}")
    assert not await answers(bench.provider_url)


def test_the_companion_asks_the_benchs_custody_register_unless_told_otherwise(bench: TestBench) -> None:
    told = bench.companion_environment({})
    assert told["ALLTID_CUSTODY_REGISTER_URL"] == f"{bench.provider_url}/custody-register"
    assert len(told["ALLTID_CUSTODY_REGISTER_TOKEN"]) >= 32
    assert bench.companion_environment({"ALLTID_CUSTODY_REGISTER_URL": "https://register.example"}) == {}
