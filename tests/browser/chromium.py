"""Chromium through playwright: how it is started so that two of them can call each other on one machine."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.browser.executables import find_browser
from tests.browser.voice import write_voice
from tests.patience import PATIENCE_S

FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream=fps=15",
    "--use-fake-ui-for-media-stream",
    # Without this one there are no ICE candidates on 127.0.0.1 at all.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-sync",
    "--auto-select-desktop-capture-source=Entire screen",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser process; each participant gets a context (an own storage) of its own, and all one voice."""
    with tempfile.TemporaryDirectory(prefix="ao-voice-") as folder:
        voice = Path(folder) / "voice.wav"
        write_voice(voice)
        async with _launched([*FLAGS, f"--use-file-for-fake-audio-capture={voice}"]) as browser:
            yield browser


@asynccontextmanager
async def _launched(flags: list[str]) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_browser("ALLTID_CHROMIUM"), headless=True, args=flags, timeout=PATIENCE_S * 1000
        )
        try:
            yield browser
        finally:
            await browser.close()
