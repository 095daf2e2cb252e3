"""Pictures are drawn anew before they are kept: each one in a process of its own (``chat/picture_worker.py``)."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from chat import picture_worker

MAX_PIXELS: Final = 50_000_000
"""Phones make pictures of up to 50 megapixels; decoded that is 150 MB for the time of one picture."""
MAX_SIDE: Final = 4096
"""Kept pictures are no larger: enough for a birthmark, and a tenth of the bytes."""
TIMEOUT_S: Final = 30.0
_AT_ONCE: Final = 2
_PROGRAM: Final = Path(picture_worker.__file__)

PictureErrorCode = Literal["broken_picture", "too_many_pixels", "picture_timeout"]


class PictureError(Exception):
    """A picture that cannot be drawn anew."""

    def __init__(self, code: PictureErrorCode) -> None:
        super().__init__(code)
        self.code: PictureErrorCode = code


@dataclass(frozen=True)
class Picture:
    """A picture of which nothing but the pixels is left."""

    media_type: str
    width: int
    height: int
    data: bytes


class PictureStudio:
    """Runs the processes; at most two at once per front, others wait."""

    def __init__(self, *, max_pixels: int = MAX_PIXELS, max_side: int = MAX_SIDE, timeout_s: float = TIMEOUT_S) -> None:
        self._arguments = (str(max_pixels), str(max_side))
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def redraw(self, data: bytes) -> Picture:
        """The picture without anything else; ``PictureError`` when it is refused."""
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",  # neither the environment nor the working directory may bring modules in
                str(_PROGRAM),
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )
            try:
                output, _ = await asyncio.wait_for(process.communicate(data), self._timeout_s)
            except TimeoutError:
                raise PictureError("picture_timeout") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode == picture_worker.REFUSED and output == b"too_many_pixels":
            raise PictureError("too_many_pixels")
        head, newline, picture = output.partition(b"\n")
        if process.returncode != 0 or not newline:  # killed by a limit, or a crash inside a decoder
            raise PictureError("broken_picture")
        media_type, width, height = head.decode().split()
        return Picture(media_type, int(width), int(height), picture)
