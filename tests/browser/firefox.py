"""Firefox over WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/): one WebSocket, no driver program between."""

import asyncio
import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.patience import PATIENCE_S

PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "permissions.default.camera": 1,
    "permissions.default.microphone": 1,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # No request of the browser's own accord during a test.
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": True,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def _preference_line(name: str, value: bool | int | str) -> str:
    return f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"


class BidiError(Exception):
    """Firefox refused a command, or a script in the page threw."""


class Firefox:
    """One headless Firefox with one profile; ``async with Firefox(path) as firefox``."""

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self._profile = tempfile.TemporaryDirectory(prefix="firefox-profile-", ignore_cleanup_errors=True)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        """Starts the browser and opens a session."""
        profile = Path(self._profile.name)
        (profile / "user.js").write_text("".join(_preference_line(*item) for item in PREFERENCES.items()))
        arguments = ("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0")
        self._process = await asyncio.create_subprocess_exec(
            self._executable,
            *arguments,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": self._profile.name, "MOZ_CRASHREPORTER_DISABLE": "1"},
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                address = await self._read_address()
                self._drain = asyncio.create_task(self._drain_output())
                self._http = aiohttp.ClientSession()
                self._socket = await self._http.ws_connect(f"{address}/session", max_msg_size=0)
                self._reader = asyncio.create_task(self._read_messages())
                await self.command("session.new", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
        except BaseException:
            self._process.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends the browser and removes its profile."""
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for task in (self._reader, self._drain):
            task.cancel()
        await asyncio.gather(self._reader, self._drain, return_exceptions=True)
        await self._socket.close()
        await self._http.close()
        self._profile.cleanup()

    async def _read_address(self) -> str:
        """The WebSocket's address, which Firefox prints when it listens."""
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            text = line.decode(errors="replace").strip()
            if "WebDriver BiDi listening on" in text:
                return text.split()[-1]
        raise BidiError("Firefox ended before it listened")

    async def _drain_output(self) -> None:
        assert self._process.stderr is not None
        while await self._process.stderr.readline():
            pass

    async def _read_messages(self) -> None:
        async for message in self._socket:
            reply = json.loads(message.data)
            waiting = self._waiting.pop(reply.get("id") or 0, None)
            if waiting and not waiting.done():
                waiting.set_result(reply)

    async def command(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Sends one command and returns its result."""
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        reply = await asyncio.wait_for(self._waiting[number], PATIENCE_S)
        if reply.get("type") == "error":
            raise BidiError(f"{method}: {reply.get('error')}: {reply.get('message')}")
        result: dict[str, Any] = reply["result"]
        return result

    async def new_page(self, before_scripts: str) -> "FirefoxPage":
        """An empty tab; the given script runs in every page of it before the page's own."""
        context = (await self.command("browsingContext.create", {"type": "tab"}))["context"]
        declaration = f"() => {{ {before_scripts} }}"
        await self.command("script.addPreloadScript", {"functionDeclaration": declaration, "contexts": [context]})
        return FirefoxPage(self, context)


class FirefoxPage:
    """One tab; offers the few methods of a playwright page that the tests use."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def goto(self, address: str) -> None:
        """Loads an address and waits for its load event."""
        await self._firefox.command(
            "browsingContext.navigate", {"context": self._context, "url": address, "wait": "complete"}
        )

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of a function called without arguments, awaited and as plain JSON."""
        # By way of JSON: BiDi's own notation of values need not be decoded then.
        wrapped = (
            f"(async () => {{ const value = ({expression}); "
            "return JSON.stringify(await (typeof value === 'function' ? value() : value)) ?? 'null'; })()"
        )
        result = await self._firefox.command(
            "script.evaluate",
            {"expression": wrapped, "target": {"context": self._context}, "awaitPromise": True, "userActivation": True},
        )
        if result["type"] == "exception":
            raise BidiError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    async def reload(self) -> None:
        """Loads the page again."""
        await self._firefox.command("browsingContext.reload", {"context": self._context, "wait": "complete"})

    async def close(self) -> None:
        """Closes the tab."""
        await self._firefox.command("browsingContext.close", {"context": self._context})
