"""Answers, ICE and DTLS in front of other people's implementations: Chromium and aiortc."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack

from rtc.sdp_answer import NegotiationPolicy
from tests.browser.aiortc_peer import allow_loopback
from tests.browser.chromium import chromium
from tests.patience import PATIENCE_S
from tests.rtc.live_server import live_server

CHROMIUM_OFFER = """async () => {
  const media = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 1280, height: 720}});
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  pc.createDataChannel('refused');
  pc.addTransceiver(media.getAudioTracks()[0], {direction: 'sendonly', streams: [media]});
  const sendEncodings = [{rid: 'l', scaleResolutionDownBy: 4}, {rid: 'm', scaleResolutionDownBy: 2}, {rid: 'h'}];
  pc.addTransceiver(media.getVideoTracks()[0], {direction: 'sendonly', streams: [media], sendEncodings});
  pc.addTransceiver('video', {direction: 'sendonly'});
  for (let i = 0; i < 2; i++) for (const kind of ['audio', 'video']) pc.addTransceiver(kind, {direction: 'recvonly'});
  window.streams = [];
  pc.ontrack = event => streams.push([event.track.kind, event.streams[0].id]);
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}"""
CHROMIUM_ANSWER = """async sdp => {
  await pc.setRemoteDescription({type: 'answer', sdp});
  if (pc.connectionState !== 'connected') await new Promise((resolve, reject) => {
    pc.onconnectionstatechange = () => pc.connectionState === 'connected' ? resolve()
      : pc.connectionState === 'failed' && reject(new Error('failed'));
  });
  const transport = [...(await pc.getStats()).values()].find(report => report.type === 'transport');
  return {
    directions: pc.getTransceivers().map(transceiver => transceiver.currentDirection),
    streams,
    first_codecs: pc.getTransceivers().slice(0, 2).map(t => t.sender.getParameters().codecs[0].mimeType),
    rids: pc.getTransceivers()[1].sender.getParameters().encodings.map(encoding => encoding.rid),
    srtp: transport.srtpCipher,
  };
}"""
CHROMIUM_RESTART = "async () => { pc.restartIce(); await pc.setLocalDescription(); return pc.localDescription.sdp; }"


@pytest.mark.browser
async def test_chromium_accepts_the_answer_connects_restarts_ice_and_says_good_bye() -> None:
    async with live_server() as server, chromium() as browser:
        page = await browser.new_page()
        await page.route("**/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
        await page.goto("http://localhost/")
        result = await page.evaluate(CHROMIUM_ANSWER, server.answer(await page.evaluate(CHROMIUM_OFFER)))
        assert result == {
            "directions": [*["sendonly"] * 3, *["recvonly"] * 4],
            "streams": [["audio", "slot-0"], ["video", "slot-0"], ["audio", "slot-1"], ["video", "slot-1"]],
            "first_codecs": ["audio/opus", "video/VP8"],
            "rids": ["l", "m", "h"],
            "srtp": "SRTP_AEAD_AES_128_GCM",
        }
        async with asyncio.timeout(PATIENCE_S):
            await server.media.wait()
        assert server.ice is not None
        assert server.dtls is not None
        old_path, old_ufrag, keys = server.ice.selected, server.ice.usernames(), server.dtls.srtp_keys
        await page.evaluate(CHROMIUM_ANSWER, server.answer(await page.evaluate(CHROMIUM_RESTART)))
        async with asyncio.timeout(PATIENCE_S):
            while server.ice.selected == old_path:
                server.expect_media()
                await server.media.wait()
        assert server.ice.usernames() != old_ufrag
        assert server.dtls.srtp_keys == keys, "an ICE restart is no new DTLS"
        await page.evaluate("pc.close()")
        async with asyncio.timeout(PATIENCE_S):
            await server.closed.wait()
        assert set(server.drops) <= {"stun_username_wrong"}, "late checks of before the restart"
        assert not server.dtls.drops


async def test_aiortc_connects_and_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)
    async with live_server(NegotiationPolicy(video_codecs=("H264", "VP8"))) as server:
        client: Any = RTCPeerConnection()
        client.addTransceiver(AudioStreamTrack(), direction="sendonly")
        client.addTransceiver(VideoStreamTrack(), direction="sendonly")
        for kind in ("audio", "video"):
            client.addTransceiver(kind, direction="recvonly")
        await client.setLocalDescription(await client.createOffer())
        answer = server.answer(client.localDescription.sdp)
        await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(PATIENCE_S):
            await server.media.wait()
        assert client.connectionState == "connected"
        await client.close()
        async with asyncio.timeout(PATIENCE_S):
            await server.closed.wait()
        assert server.dtls is not None
        assert not server.dtls.drops
