"""Draws one picture anew, in a process of its own: picture on standard input, the new one on standard output.

``python chat/picture_worker.py <max_pixels> <max_side>``. Decoders of pictures are the most attacked code there is:
this process has no socket, no file of ours and no secret, little memory and little time, and ends after one
picture. What is left is pixels: no EXIF, no place, no thumbnail, no colour profile (converted), no second frame, and
nothing appended. The first output line is the new media type and the size; exit code 3 is a refusal with a code.
Imports nothing of ours, so that it starts quickly.
"""

import io
import resource
import sys
import warnings

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 20
REFUSED = 3
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def limit_resources() -> None:
    """As little as decoding needs: afterwards nothing can be written, and loops and floods of memory end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def redraw(data: bytes, max_pixels: int, max_side: int) -> tuple[str, tuple[int, int], bytes]:
    """Media type, size and bytes of the new picture; ``ValueError`` with a code when it is refused."""
    from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError  # after the limits are set

    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked on the header, before anything is decoded
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as source:
            width, height = source.size
            if width * height > max_pixels or max(width, height) > 30_000:
                raise ValueError("too_many_pixels")
            source.draft("RGB", (max_side, max_side))  # a huge JPEG is decoded small at once
            source.load()
            profile = source.info.get("icc_profile")
            picture: Image.Image = ImageOps.exif_transpose(source)
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, TypeError):
        raise ValueError("broken_picture") from None
    is_transparent = picture.has_transparency_data
    if profile and picture.mode == "RGB":
        try:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, io.BytesIO(profile), srgb, outputMode="RGB")
            picture = converted if converted is not None else picture
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that cannot be read changes no colour
    picture = picture.convert("RGBA" if is_transparent else "RGB")
    picture.thumbnail((max_side, max_side))
    clean = Image.new(picture.mode, picture.size)  # a new picture: nothing that travels in ``info`` comes along
    clean.paste(picture)
    output = io.BytesIO()
    if is_transparent or source.format in ("PNG", "GIF"):
        clean.save(output, "PNG")
        media_type = "image/png"
    else:
        clean.save(output, "JPEG", quality=88)
        media_type = "image/jpeg"
    return media_type, clean.size, output.getvalue()


def main() -> int:
    """Entry point of the process."""
    limit_resources()
    warnings.simplefilter("ignore")
    try:
        media_type, (width, height), picture = redraw(sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2]))
    except ValueError as error:
        code = str(error) if str(error) == "too_many_pixels" else "broken_picture"
        sys.stdout.write(code)
        return REFUSED
    sys.stdout.buffer.write(f"{media_type} {width} {height}\n".encode() + picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
