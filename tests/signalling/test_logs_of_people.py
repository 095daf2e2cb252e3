"""A day at the front with everything that can go wrong, and no trace of anybody in its logs and metrics."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from prometheus_client import generate_latest

from signalling.front import Front
from signalling.meetings import Meeting
from tests.auth import portal_claims
from tests.auth.faulty_provider import STAFF, FaultyProvider, running_provider
from tests.signalling.browsing import SESSION, Browser
from tests.signalling.conftest import NOW, MakeFront
from tests.signalling.fake_worker import FakeWorker
from tests.signalling.meeting_people import service
from tests.signalling.test_login_api import login_settings
from tests.signalling.test_logs import configured, lines

KEY = ECKey.generate_key("P-256", {"kid": "journal", "use": "sig", "alg": "ES256"})
__all__ = ["configured"]


@pytest.fixture
async def provider() -> AsyncIterator[FaultyProvider]:
    async with running_provider(NOW) as provider:
        yield provider


@pytest.fixture
async def front(make_front: MakeFront, worker: FakeWorker, provider: FaultyProvider, tmp_path: Path) -> Front:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    units = {portal_claims.UNIT: portal_claims.PROVIDER}
    system = {"issuer": portal_claims.ISSUER, "name": "Journal", "jwks_file": str(keys), "units": units}
    return await make_front(**login_settings(provider), record_systems=json.dumps([system]))


class Day:
    """Everybody who comes by, and everything about them that nobody else may know."""

    def __init__(self, front: Front, provider: FaultyProvider, monkeypatch: pytest.MonkeyPatch) -> None:
        self.front = front
        self.provider = provider
        self.monkeypatch = monkeypatch
        self.browsers: list[Browser] = []
        self.private: set[str] = {"199001012385", "900101-2385", "Anna", "Testsson", "Karin", "Lindvall", "Återbesök"}
        self.private |= {"08-123 45 67", "Gustav Gäst", "127.0.0.1", "subject-anna", "sid-1", "SE5555555555-K"}

    def browser(self) -> Browser:
        self.browsers.append(Browser(self.front))
        return self.browsers[-1]

    async def log_in(self, audience: str = "patient") -> Browser:
        browser = self.browser()
        status, _, _ = await browser.log_in(audience)
        assert status == 302
        self.private |= {browser.cookies[SESSION], browser.csrf}
        session = await self.front.identity.sessions.find(browser.cookies[SESSION], NOW)
        assert session is not None
        self.private.add(session.actor)
        return browser

    async def logins_that_fail(self) -> None:
        for fault in ("bad_signature", "alg_none"):
            self.provider.faults = {fault}
            await self.browser().log_in()
        self.provider.faults = set()
        await self.browser().ask("GET", "/login/callback?state=199001012385&code=Anna")
        await self.browser().ask("GET", "/login/callback?error=access_denied&error_description=Anna+Testsson")
        body = {"logout_token": self.provider.id_token("x")}
        await self.browser().ask("POST", "/login/backchannel", data=body)

    async def patient(self) -> str:
        browser = await self.log_in()
        assert (await browser.ask("GET", "/api/session"))[0] == 200
        assert (await browser.ask("GET", "/api/meetings"))[0] == 200
        await browser.send("POST", "/api/session/proxy", {"subject": "199001012385"})
        await browser.send("POST", "/api/session/proxy", {"subject": None}, **{"X-CSRF-Token": "Anna"})
        await browser.ask("GET", "/api/meetings/199001012385?name=Anna")
        await browser.ask("GET", "/Anna/199001012385", headers={"Authorization": "Bearer Anna"})
        return next(one for one in self.private if one.startswith("p-"))

    async def staff_and_guest(self, person_id: str) -> None:
        self.provider.person = dict(STAFF)
        staff = await self.log_in("staff")
        choice = STAFF["commissions"][0]["commissionHsaId"]
        status, _ = await staff.send("POST", "/api/session/commission", {"commission_hsa_id": choice})
        assert status == 200
        self.private |= {staff.cookies[SESSION], staff.csrf}
        plan = {"title": "Återbesök", "kind": "one_to_one", "starts_at": int(NOW), "ends_at": int(NOW) + 1800}
        status, made = await staff.send("POST", "/api/meetings", plan | {"patient": person_id, "phone": "08-123 45 67"})
        assert status == 201
        path = f"/api/meetings/{made['meeting_id']}"
        status, link = await staff.send("POST", f"{path}/links", {"role": "guest", "label": "Gustav Gäst"})
        assert status == 201
        secret = link["url"].partition("#link=")[2]
        self.private.add(secret)
        for _ in range(2):
            await self.browser().send("POST", "/api/guest", {"link": secret, "display_name": "Gustav Gäst"})
        assert (await staff.ask("GET", f"{path}/links"))[0] == 200
        status, token = await staff.send("POST", f"{path}/token", {})
        assert status in (200, 201)
        self.private.add(token["token"])
        await staff.send("DELETE", f"{path}/links/{link['link_id']}")

    async def record_system(self) -> None:
        meeting = Meeting(
            meeting_id="m-1", title="Återbesök", kind="one_to_one", provider_hsa_id=portal_claims.PROVIDER,
            unit_hsa_id=portal_claims.UNIT, unit_name="Björkens vårdcentral", starts_at=int(NOW), ends_at=int(NOW) + 1,
        )  # fmt: skip
        await self.front.meetings.put(meeting, NOW)
        request = portal_claims.signed(KEY, meeting="m-1")
        headers = {"Authorization": f"Bearer {request}"}
        status, link, _ = await self.browser().ask("POST", "/api/portal/links", headers=headers)
        assert status == 201
        ticket = link["url"].partition("#ticket=")[2]
        self.private |= {ticket, request}
        for _ in range(2):
            await self.browser().ask("POST", "/portal/enter", data={"ticket": ticket})
        await self.browser().ask("POST", "/api/portal/links", headers={"Authorization": f"Bearer {request}x"})

    async def services(self, person_id: str) -> None:
        headers = service("proxies:write")
        self.private.add(headers["Authorization"].split()[1])
        relation = {"subject": "p-" + "b" * 26, "name": "Anna", "kind": "grant", "scopes": ["book"]}
        for until in (None, int(NOW) + 10):
            body = {"relations": [relation | {"valid_until": until}]}
            await self.browser().ask("PUT", f"/api/proxies/{person_id}", json=body, headers=headers)

    async def outages(self) -> None:
        browser = await self.log_in("staff")

        async def fail(*_: Any, **__: Any) -> None:
            raise ConnectionError("Anna Testsson 199001012385")

        async def break_down(*_: Any, **__: Any) -> None:
            raise RuntimeError("Anna Testsson 199001012385")

        audit, meetings = self.front.identity.audit, self.front.meetings
        assert audit is not None
        with self.monkeypatch.context() as patch:
            patch.setattr(audit, "_append", fail)
            body = {"commission_hsa_id": STAFF["commissions"][0]["commissionHsaId"]}
            await browser.send("POST", "/api/session/commission", body)
            assert (await browser.ask("GET", "/api/meetings"))[0] == 503
        with self.monkeypatch.context() as patch:
            patch.setattr(meetings, "get", break_down)
            assert (await browser.ask("GET", "/api/meetings/m-1"))[0] == 500


@pytest.fixture
async def day(front: Front, provider: FaultyProvider, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Day]:
    day = Day(front, provider, monkeypatch)
    yield day
    for browser in day.browsers:
        await browser.close()


@pytest.mark.attack
@pytest.mark.usefixtures("configured")
async def test_a_whole_day_leaves_nobody_in_the_logs_or_metrics(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    await day.logins_that_fail()
    person_id = await day.patient()
    await day.staff_and_guest(person_id)
    await day.record_system()
    await day.services(person_id)
    await day.outages()
    written = lines(capsys)
    assert {"audit_unavailable", "http_failed"} <= {line["event"] for line in written}
    metrics = generate_latest(day.front.metrics.registry).decode()
    for text in (json.dumps(written, ensure_ascii=False), metrics):
        assert not {one for one in day.private if one in text}
        for pattern in (r"\b\d{6,8}[-+]?\d{4}\b(?![.:])", r"p-[a-z2-7]{26}", r"SE\d{10}-\w", r"eyJ\w", r"@\w+\.\w"):
            assert not re.findall(pattern, re.sub(r'"timestamp": "[^"]*"', "", text)), pattern
