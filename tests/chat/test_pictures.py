"""Pictures lose everything but their pixels, and hostile ones hurt nobody (attack row 12)."""

import asyncio
import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from chat.pictures import PictureError, PictureStudio

RED = (200, 30, 40)
GPS_IFD, ORIENTATION, CAMERA = 0x8825, 0x0112, 0x0110


@pytest.fixture
async def studio() -> PictureStudio:
    return PictureStudio(max_pixels=5_000_000, max_side=1000)


def encoded(format_name: str, *, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    output = io.BytesIO()
    Image.new(mode, size, RED if mode == "RGB" else (*RED, 90)).save(output, format_name, **options)
    return output.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_claimed_size(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[CAMERA] = "Secret camera"
    exif[ORIENTATION] = 6
    exif[GPS_IFD] = {1: "N", 2: (59.0, 19.0, 45.0), 3: "E", 4: (18.0, 4.0, 7.0)}
    return encoded("JPEG", exif=exif.tobytes(), comment=b"<script>alert(1)</script>")


async def test_place_camera_and_comment_of_a_photo_are_gone(studio: PictureStudio) -> None:
    original = with_exif()
    assert b"Secret camera" in original
    picture = await studio.redraw(original)
    assert picture.media_type == "image/jpeg"
    assert b"Secret camera" not in picture.data
    assert b"script" not in picture.data
    assert b"Exif" not in picture.data
    with Image.open(io.BytesIO(picture.data)) as image:
        assert not image.getexif()
        assert "comment" not in image.info


async def test_a_photo_stands_upright_without_its_orientation_tag(studio: PictureStudio) -> None:
    picture = await studio.redraw(with_exif())
    assert (picture.width, picture.height) == (40, 60)


async def test_text_in_a_png_and_what_is_appended_to_it_are_gone(studio: PictureStudio) -> None:
    information = PngImagePlugin.PngInfo()
    information.add_text("Author", "Secret author", zip=True)
    picture = await studio.redraw(encoded("PNG", pnginfo=information) + b"PK\x03\x04 an archive behind the picture")
    assert picture.media_type == "image/png"
    assert b"PK\x03\x04" not in picture.data
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.getpixel((1, 1)) == RED
        assert not image.info


async def test_transparency_stays(studio: PictureStudio) -> None:
    picture = await studio.redraw(encoded("WEBP", mode="RGBA", lossless=True))
    assert picture.media_type == "image/png"
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.getpixel((1, 1)) == (*RED, 90)


async def test_of_a_moving_picture_the_first_frame_is_kept(studio: PictureStudio) -> None:
    output = io.BytesIO()
    frames = [Image.new("RGB", (30, 30), colour) for colour in (RED, (0, 0, 255))]
    frames[0].save(output, "GIF", save_all=True, append_images=frames[1:])
    picture = await studio.redraw(output.getvalue())
    with Image.open(io.BytesIO(picture.data)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("PNG", 1)
        assert image.convert("RGB").getpixel((3, 3)) == RED


async def test_large_pictures_are_made_smaller_in_proportion(studio: PictureStudio) -> None:
    picture = await studio.redraw(encoded("JPEG", size=(2000, 1000)))
    assert (picture.width, picture.height) == (1000, 500)


async def test_a_colour_profile_is_applied_and_dropped(studio: PictureStudio) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = await studio.redraw(encoded("JPEG", icc_profile=profile))
    with Image.open(io.BytesIO(picture.data)) as image:
        assert "icc_profile" not in image.info


@pytest.mark.attack
async def test_a_bomb_is_refused_by_its_header_before_it_is_decoded(studio: PictureStudio) -> None:
    bomb = png_of_claimed_size(30_000, 30_000, zlib.compress(bytes(30_001 * 100)))
    assert len(bomb) < 20_000
    with pytest.raises(PictureError) as caught:
        await studio.redraw(bomb)
    assert caught.value.code == "too_many_pixels"


@pytest.mark.attack
async def test_a_bomb_that_passes_the_pixel_limit_meets_the_memory_limit() -> None:
    studio = PictureStudio(max_pixels=10**9)
    with pytest.raises(PictureError) as caught:
        await studio.redraw(png_of_claimed_size(25_000, 25_000, zlib.compress(bytes(25_001 * 100))))
    assert caught.value.code == "broken_picture"


@pytest.mark.attack
async def test_a_bomb_in_a_text_chunk_is_refused(studio: PictureStudio) -> None:
    text = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000), 9))
    picture = encoded("PNG")
    with pytest.raises(PictureError, match="broken_picture"):
        await studio.redraw(picture[:33] + text + picture[33:])


@pytest.mark.attack
@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n", with_exif()[:300]])
async def test_what_is_broken_or_of_another_kind_is_refused(studio: PictureStudio, data: bytes) -> None:
    with pytest.raises(PictureError, match="broken_picture"):
        await studio.redraw(data)


async def test_a_decoder_that_takes_too_long_is_killed() -> None:
    studio = PictureStudio(timeout_s=0.001)
    with pytest.raises(PictureError, match="picture_timeout"):
        await studio.redraw(encoded("JPEG"))


async def test_several_at_once_are_all_drawn(studio: PictureStudio) -> None:
    pictures = await asyncio.gather(*(studio.redraw(encoded("PNG")) for _ in range(4)))
    assert {picture.width for picture in pictures} == {60}
