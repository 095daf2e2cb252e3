"""The load test against the real service: store, front and worker as processes, everything over sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loadtest.barerun import Traffic, bare_stage
from loadtest.benchreport import text_report
from loadtest.cells import Cell, CellResult
from loadtest.crowd import Crowd
from loadtest.measure import measure
from loadtest.participant import JoinError, Participant
from loadtest.pictures import bench_page
from loadtest.rooms import RoomError
from loadtest.run import Plan, run
from loadtest.serverrun import server_stage
from loadtest.service import Service, running_service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service(worker_cpu=None, other_cpu=None) as running:
        yield running


async def test_participants_join_and_receive_each_other_without_loss(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(
        url=service.url,
        token=service.rooms.token,
        publishers=2,
        subscribers=2,
        slots=2,
        seconds=1.0,
        worker_pid=service.worker_pid,
        html=tmp_path / "report.html",
    )
    assert await run(plan)
    assert "All well." in capsys.readouterr().out
    assert (tmp_path / "report.html").read_text().count("<svg") == 5


async def test_the_benchmark_measures_server_and_bare_loop_alike(service: Service) -> None:
    traffic = Traffic(packets_per_frame=3)
    result = CellResult(Cell(3, 3))
    async with server_stage(service, 3, traffic) as server:
        result.add("server", await measure(server.stage, 0.5))
        result.joins.append(server.joins)
    async with bare_stage(3, traffic, segment=True) as stage:
        result.add("bare+segments", await measure(stage, 0.5))
    assert server.joins.profile == "AEAD_AES_128_GCM"
    sample = result.samples["server"][0]
    assert (sample.lost, sample.duplicates) == (0, 0)
    assert sample.packets >= 0.5 * 3 * 100
    assert (result.ratio("server") or 0) > 0
    assert "ratio" in text_report([result])
    assert "<svg" in bench_page([result])


async def test_what_the_service_refuses_is_told_by_its_code(service: Service) -> None:
    with pytest.raises(RoomError, match=r"422|400"):
        await service.rooms.create_room("too large", 100_000)
    crowd = Crowd(2)
    crowd.driver.start()
    participant = Participant(crowd.driver, crowd.certificate, service.url, "no.such.token", slots=1)
    with pytest.raises(JoinError, match="token_invalid"):
        await participant.join()
    await participant.leave()
    await crowd.leave()
    crowd.driver.stop()
