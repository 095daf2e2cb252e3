"""What a file is: by its bytes, agreeing with its name and what was said of it (attack row 12: type confusion)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.attachment_types import (
    FILE_TYPES,
    GIF,
    JPEG,
    MAX_NAME_CHARACTERS,
    PDF,
    PNG,
    SNIFF_BYTES,
    TEXT,
    WEBP,
    FileType,
    FileTypeError,
    check_body,
    check_type,
    clean_name,
    name_for,
    sniff,
    type_named,
)

HEADS = {
    b"\xff\xd8\xff\xe0\x00\x10JFIF": JPEG,
    b"\x89PNG\r\n\x1a\n\x00\x00": PNG,
    b"RIFF\x00\x00\x00\x00WEBPVP8 ": WEBP,
    b"GIF89a\x01\x00": GIF,
    b"%PDF-1.7\n": PDF,
    "Mina värden: 120/80\r\n".encode(): TEXT,
}


@pytest.mark.parametrize(("head", "expected"), HEADS.items())
def test_the_first_bytes_tell(head: bytes, expected: FileType) -> None:
    assert sniff(head, is_whole=True) is expected
    assert check_type(head, is_whole=True, name=f"a.{expected.extensions[0].upper()}") is expected
    assert check_type(head, is_whole=True, name="a", stated_type=f"{expected.media_type}; charset=x") is expected
    assert type_named(expected.media_type) is expected


@pytest.mark.attack
@pytest.mark.parametrize(
    "head",
    [
        b"MZ\x90\x00\x03",  # a Windows program
        b"\x7fELF\x02\x01",
        b"PK\x03\x04\x14\x00",  # archives, and office files with macros
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # old office files
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"\x1f\x8b\x08\x00",
        b"\n%PDF-1.7",  # readers that look for a PDF anywhere would find one here
        b"plain\x00text",
        b"\xff\xfe<\x00s\x00",  # UTF-16
        b"caf\xe9",
        b"",
        b"\x1b[2Jtext",
    ],
)
def test_what_is_not_in_the_table_is_refused(head: bytes) -> None:
    if head == b"\n%PDF-1.7":  # as text it is harmless, and it is not taken for a PDF
        assert sniff(head, is_whole=True) is TEXT
        with pytest.raises(FileTypeError, match="type_mismatch"):
            check_type(head, is_whole=True, name="a.pdf")
        return
    with pytest.raises(FileTypeError, match="unknown_type"):
        check_type(head, is_whole=True, name="a")


@pytest.mark.attack
@pytest.mark.parametrize(
    ("head", "name", "stated"),
    [
        (b"\xff\xd8\xff\xe0", "picture.html", ""),
        (b"\xff\xd8\xff\xe0", "picture.jpg.exe", "image/jpeg"),
        (b"\xff\xd8\xff\xe0", "picture.jpg", "text/html"),
        (b"\xff\xd8\xff\xe0", "picture.png", ""),
        (b"%PDF-1.7", "paper.jpg", "image/jpeg"),
        (b"hello", "hello.svg", ""),
        (b"hello", "hello.htm", "text/plain"),
        (b"hello", "hello.txt", "image/svg+xml"),
        (b"\xff\xd8\xff\xe0", "picture.", ""),
    ],
)
def test_a_name_or_a_stated_type_that_says_something_else_is_refused(head: bytes, name: str, stated: str) -> None:
    with pytest.raises(FileTypeError, match="type_mismatch"):
        check_type(head, is_whole=True, name=name, stated_type=stated)


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "hi <  SCRIPT src=x>",
        "<svg onload=x>",
        "<!DOCTYPE html>",
        "<?xml version='1.0'?>",
        "<img src=x>",
    ],
)
def test_text_that_a_browser_might_run_is_refused(text: str) -> None:
    with pytest.raises(FileTypeError, match="dangerous_content"):
        check_type(text.encode(), is_whole=True, name="a.txt")
    late = b"x" * SNIFF_BYTES + text.encode()
    assert check_type(late[:SNIFF_BYTES], is_whole=False, name="a.txt") is TEXT
    with pytest.raises(FileTypeError, match="dangerous_content"):
        check_body(TEXT, late)


def test_text_may_be_cut_inside_a_character_only_where_more_follows() -> None:
    cut = "å".encode()[:1]
    assert sniff(b"a" + cut, is_whole=False) is TEXT
    assert sniff(b"a" + cut, is_whole=True) is None
    with pytest.raises(FileTypeError):
        check_body(TEXT, b"a" + cut)


def test_less_than_and_numbers_are_no_markup() -> None:
    assert check_type(b"p < 0.05, a <b> c", is_whole=True, name="a.txt") is TEXT


def test_a_pdf_has_an_end() -> None:
    check_body(PDF, b"%PDF-1.7\n...\n%%EOF\n")
    with pytest.raises(FileTypeError):
        check_body(PDF, b"%PDF-1.7\n")


def test_only_pictures_are_shown_in_the_page() -> None:
    assert {row.media_type for row in FILE_TYPES if row.is_picture} == {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
    }
    with pytest.raises(FileTypeError):
        type_named("image/svg+xml")


@pytest.mark.attack
@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("line\r\nSet-Cookie: x", "lineSet-Cookie_ x"),
        ("a\x00.jpg", "a.jpg"),
        (" .htaccess", "htaccess"),
        ("...", "fil"),
        ("", "fil"),
        ("Blå\u00a0märke  1.JPG", "Blå märke 1.JPG"),
    ],
)
def test_names_are_made_harmless(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@given(st.text(max_size=400))
def test_a_clean_name_stays_as_it_is_and_leads_nowhere(name: str) -> None:
    clean = clean_name(name)
    assert clean_name(clean) == clean
    assert 0 < len(clean) <= MAX_NAME_CHARACTERS
    assert not set(clean) & set("/\\\0\r\n")
    assert clean not in (".", "..")


def test_a_long_name_keeps_its_extension() -> None:
    assert clean_name("x" * 300 + ".jpeg").endswith("x.jpeg")


def test_the_extension_says_what_the_file_became() -> None:
    assert name_for("a.jpeg", JPEG) == "a.jpeg"
    assert name_for("a.webp", JPEG) == "a.jpg"
    assert name_for("a", PDF) == "a.pdf"


def test_a_cut_name_ends_in_no_blank() -> None:
    name = clean_name("x" * (MAX_NAME_CHARACTERS - 1) + " and more, without an extension")
    assert name == "x" * (MAX_NAME_CHARACTERS - 1)
    assert clean_name("e\u200b\u0301.txt") == "\u00e9.txt"  # what stood between letter and accent is gone
