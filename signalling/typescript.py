"""TypeScript types of the wire protocol, generated from ``signalling.protocol``.

Only what the protocol's models use is translated; anything else is an error, so that a type never silently
becomes ``any``.
"""

import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from signalling import protocol

_HEADER = """\
// Generated from signalling/protocol.py by `python -m signalling.documents`. Do not edit.

export const PROTOCOL_VERSION = {version};
"""
_ALIASES = (
    ("Source", protocol.Source),
    ("Quality", protocol.Quality),
    ("Role", protocol.Role),
    ("ParticipantState", protocol.ParticipantState),
    ("LeaveReason", protocol.LeaveReason),
    ("ReconnectReason", protocol.ReconnectReason),
    ("MediaPath", protocol.MediaPath),
    ("ClosedCode", protocol.ClosedCode),
    ("ErrorCode", protocol.ErrorCode),
)
_SCALARS: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    Any: "unknown",
}


def typescript() -> str:
    """The whole of ``web/client/src/protocol.ts``."""
    parts = [_HEADER.format(version=protocol.PROTOCOL_VERSION)]
    for name, alias in _ALIASES:
        values = get_args(alias)
        one_line = f"export type {name} = {_union(values)};"
        if len(one_line) > 100:
            one_line = f"export type {name} =\n" + "\n".join(f'  | "{value}"' for value in values) + ";"
        parts.append(one_line + "\n")
    parts.append(
        "export const ERROR_CODES: readonly ErrorCode[] = [\n"
        + "".join(f'  "{code}",\n' for code in protocol.ERROR_CODES)
        + "];\n"
    )
    parts += [interface(model) for model in models()]
    parts.append(
        "/** How every client event is acknowledged. */\n"
        "export type Acknowledgement<Reply> = ({ ok: true } & Reply) | { ok: false; error: WireError };\n"
    )
    parts.append(
        "/** Client events: what is sent, and what the acknowledgement carries when it is ok. */\n"
        "export interface ClientEvents {\n"
        + "".join(
            f"  {name}: {{ payload: {event.payload.__name__}; reply: {event.reply.__name__} }};\n"
            for name, event in protocol.CLIENT_EVENTS.items()
        )
        + "}\n"
    )
    parts.append(
        "/** Server events: what is received unasked. */\n"
        "export interface ServerEvents {\n"
        + "".join(f"  {name}: {model.__name__};\n" for name, model in protocol.SERVER_EVENTS.items())
        + "}\n"
    )
    return "\n".join(parts)


def models() -> list[type[protocol.Message]]:
    """Every model of the protocol in the order of its definition."""
    found = [value for value in vars(protocol).values() if isinstance(value, type)]
    return [model for model in found if issubclass(model, protocol.Message) and model is not protocol.Message]


def type_name(annotation: Any) -> str:
    """A field's type as TypeScript (also used in the protocol document)."""
    annotation = strip(annotation)
    for name, alias in _ALIASES:
        if annotation == alias:
            return name
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _union(arguments)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(type_name(argument) for argument in arguments)
    if origin is list:
        inner = type_name(arguments[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        key = type_name(arguments[0])
        record = f"Record<{key}, {type_name(arguments[1])}>"
        return record if key == "string" else f"Partial<{record}>"
    if isinstance(annotation, type) and issubclass(annotation, protocol.Message):
        return annotation.__name__
    raise TypeError(f"no TypeScript for {annotation!r}")


def strip(annotation: Any) -> Any:
    """The annotation without ``Annotated`` constraints."""
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else annotation


def _union(values: tuple[Any, ...]) -> str:
    return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)


def interface(model: type[protocol.Message]) -> str:
    """A model as a TypeScript interface."""
    bases = [base.__name__ for base in model.__bases__ if base is not protocol.Message]
    head = f"export interface {model.__name__}" + (f" extends {bases[0]}" if bases else "") + " {"
    return "\n".join([_comment(model.__doc__ or "", ""), head, *_fields(model), "}", ""])


def _fields(model: type[protocol.Message]) -> Iterator[str]:
    inherited = {name for base in model.__bases__ for name in getattr(base, "model_fields", {})}
    for name, field in model.model_fields.items():
        if name in inherited:
            continue
        if field.description:
            yield _comment(field.description, "  ")
        optional = "" if field.default is PydanticUndefined and field.default_factory is None else "?"
        yield f"  {name}{optional}: {type_name(field.annotation)};"


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {' '.join(text.split())} */"
