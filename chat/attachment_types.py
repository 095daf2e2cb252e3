"""What a file is, told from its bytes; never from its name or from what a client says.

A short table on purpose: what is not recognised as something useful to a patient and a unit is refused. Everything
here is pure and reads at most the whole of a bounded file.
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

SNIFF_BYTES: Final = 4096
"""So much of a file's beginning is enough to tell what it is."""
MAX_NAME_CHARACTERS: Final = 100

MediaType = Literal["image/jpeg", "image/png", "image/webp", "image/gif", "application/pdf", "text/plain"]


@dataclass(frozen=True)
class FileType:
    """A kind of file that may be attached."""

    media_type: MediaType
    extensions: tuple[str, ...]
    """The first one is given to files whose name has none."""
    is_picture: bool = False
    """Drawn anew before it is kept, so that nothing but pixels is left of it; such files may be shown in the page."""


JPEG: Final = FileType("image/jpeg", ("jpg", "jpeg", "jpe", "jfif"), is_picture=True)
PNG: Final = FileType("image/png", ("png",), is_picture=True)
WEBP: Final = FileType("image/webp", ("webp",), is_picture=True)
GIF: Final = FileType("image/gif", ("gif",), is_picture=True)
PDF: Final = FileType("application/pdf", ("pdf",))
TEXT: Final = FileType("text/plain", ("txt", "text", "log", "csv"))
FILE_TYPES: Final = (JPEG, PNG, WEBP, GIF, PDF, TEXT)

_BY_TYPE: Final = {file_type.media_type: file_type for file_type in FILE_TYPES}
_ALIASES: Final = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "text/csv": "text/plain"}
_MARKUP: Final = re.compile(rb"<\s*(?:!doctype|html|script|svg|iframe|object|embed|\?xml|body|img|math)", re.IGNORECASE)
_NOT_IN_NAMES: Final = re.compile(r'[\\/:*?"<>|]')
_SPACES: Final = re.compile(r"\s+")

TypeErrorCode = Literal["unknown_type", "type_mismatch", "dangerous_content"]


class FileTypeError(ValueError):
    """A file that is not taken. ``unknown_type``: not in the table. ``type_mismatch``: its name or its stated type
    says something else than its bytes. ``dangerous_content``: text that a browser might run.
    """

    def __init__(self, code: TypeErrorCode) -> None:
        super().__init__(code)
        self.code: TypeErrorCode = code


def sniff(head: bytes, *, is_whole: bool) -> FileType | None:
    """The type that the first ``SNIFF_BYTES`` show; None when they are none of the table's.

    ``is_whole``: the file has no more than ``head``.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"%PDF-"):
        return PDF
    return TEXT if is_text(head, is_whole=is_whole) else None


def is_text(data: bytes, *, is_whole: bool) -> bool:
    """UTF-8 without control characters; the end may be in the middle of a character unless it ``is_whole``."""
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(data, final=is_whole)
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(
        unicodedata.category(character) == "Cc" and character not in "\t\r\n" for character in text
    )


def check_type(head: bytes, *, is_whole: bool, name: str, stated_type: str = "") -> FileType:
    """The file's type when bytes, name and stated type agree; ``FileTypeError`` otherwise.

    A name without extension and an empty (or octet-stream) stated type agree with everything.
    """
    found = sniff(head, is_whole=is_whole)
    if found is None:
        raise FileTypeError("unknown_type")
    _, dot, extension = name.rpartition(".")
    if dot and extension.lower() not in found.extensions:
        raise FileTypeError("type_mismatch")
    stated = stated_type.partition(";")[0].strip().lower()
    if stated not in ("", "application/octet-stream") and _ALIASES.get(stated, stated) != found.media_type:
        raise FileTypeError("type_mismatch")
    if found is TEXT and _MARKUP.search(head):
        raise FileTypeError("dangerous_content")
    return found


def check_body(file_type: FileType, data: bytes) -> None:
    """What only the whole file shows, for the types that are kept as they came; ``FileTypeError`` otherwise."""
    if file_type is TEXT:
        if not is_text(data, is_whole=True):
            raise FileTypeError("unknown_type")
        if _MARKUP.search(data):
            raise FileTypeError("dangerous_content")
    elif file_type is PDF and b"%%EOF" not in data[-2048:]:
        raise FileTypeError("unknown_type")


def type_named(media_type: str) -> FileType:
    """The row of a media type that is stored; ``FileTypeError`` when there is none."""
    found = _BY_TYPE.get(media_type)  # type: ignore[call-overload]
    if found is None:
        raise FileTypeError("unknown_type")
    return found  # type: ignore[no-any-return]


def clean_name(name: str, fallback: str = "fil") -> str:
    """The name to show and to save under: no folders, no control or direction characters, no leading dot.

    The name never becomes part of a path of ours; this is for whoever downloads the file.
    """
    text = "".join(" " if unicodedata.category(character)[0] == "Z" else character for character in name)
    text = "".join(character for character in text if unicodedata.category(character)[0] != "C")
    text = _SPACES.sub(" ", _NOT_IN_NAMES.sub("_", unicodedata.normalize("NFC", text))).strip(" .")
    if len(text) > MAX_NAME_CHARACTERS:
        stem, dot, extension = text.rpartition(".")
        keep_extension = bool(dot) and 0 < len(extension) <= 8
        ending = f".{extension}" if keep_extension else ""
        text = (stem if keep_extension else text)[: MAX_NAME_CHARACTERS - len(ending)].strip(" .") + ending
    return text or fallback


def name_for(name: str, file_type: FileType) -> str:
    """The clean name with an extension that says what the file is."""
    stem, dot, extension = name.rpartition(".")
    if dot and extension.lower() in file_type.extensions:
        return name
    return f"{stem if dot else name}.{file_type.extensions[0]}"
