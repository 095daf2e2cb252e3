"""The figures of bookings: measured on both real databases, and reported beside the bare transaction."""

import pytest

from loadtest.companion_bench import Figures, companion_report, report


def test_the_report_shows_bookings_beside_the_bare_transaction() -> None:
    text = report([Figures("SQLite", 123.4, 12.0, 34.0, 5.678, 4321.0, 9876.0)])
    row = next(line for line in text.splitlines() if line.startswith("SQLite"))
    assert row.split()[1:] == ["123", "12.0", "34.0", "5.68", "4,321", "3%", "9,876"]


@pytest.mark.timeout(200)
async def test_it_is_measured_by_booking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.companion_bench.pin", lambda *_: None)
    text = await companion_report(quick=True, server_cpu=0, client_cpu=0)
    for database in ("SQLite", "PostgreSQL"):
        row = next(line for line in text.splitlines() if line.startswith(database))
        assert all(float(figure.strip("%").replace(",", "")) > 0 for figure in row.split()[1:])
