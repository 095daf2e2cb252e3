"""The document and the TypeScript types of the chat protocol, from ``signalling.chat_protocol``."""

import inspect
from typing import get_args

from signalling import chat_protocol as wire
from signalling.protocol import Message
from signalling.reference import NOTICE, codes, fields_table, reply_text, table, text_of
from signalling.typescript import interface

_HEADER = "// Generated from signalling/chat_protocol.py by `python -m signalling.documents`. Do not edit.\n"


def chat_document() -> str:
    """docs/chat-protocol.md."""
    introduction = inspect.cleandoc(wire.__doc__ or "").replace("``", "`").split("\n\n", 1)[1]
    parts = [NOTICE, f"\n# The chat protocol\n\nPart of the [wire protocol](protocol.md).\n\n{introduction}\n"]
    parts.append("\n## Client events\n\nEach is acknowledged; a refused one changed nothing.\n")
    for name, event in wire.CHAT_CLIENT_EVENTS.items():
        parts.append(f"\n### `{name}`\n\n{text_of(event.payload)}\n\n")
        parts.append(fields_table(event.payload, "Payload: an empty object.\n"))
        parts.append(f"\nReply: `{event.reply.__name__}`" + reply_text(event.reply))
        parts.append(f"\nErrors: {codes((*event.errors, *wire.CHAT_COMMON_ERRORS))}.\n")
    parts.append("\n## Server events\n")
    for name, model in wire.CHAT_SERVER_EVENTS.items():
        parts.append(f"\n### `{name}`\n\n{text_of(model)}\n\n{fields_table(model)}")
    shown = {event.payload for event in wire.CHAT_CLIENT_EVENTS.values()}
    shown |= {event.reply for event in wire.CHAT_CLIENT_EVENTS.values()} | set(wire.CHAT_SERVER_EVENTS.values())
    parts.append("\n## Parts of payloads\n")
    parts += [
        f"\n### `{model.__name__}`\n\n{text_of(model)}\n\n{fields_table(model)}"
        for model in models()
        if model not in shown
    ]
    parts.append("\n## Error codes\n\nTranslate by code; the message is for developers.\n\n")
    parts.append(table(("Code", "Message"), ((f"`{code}`", text) for code, text in wire.CHAT_MESSAGES.items())))
    return "".join(parts)


def chat_typescript() -> str:
    """web/client/src/chat_protocol.ts."""
    parts = [_HEADER, 'import type { Done } from "./protocol";\n']
    parts.append("export type ChatCode =\n" + "\n".join(f'  | "{code}"' for code in get_args(wire.ChatCode)) + ";\n")
    parts += [interface(model) for model in models()]
    parts.append(
        "/** Client events: what is sent, and what the acknowledgement carries when it is ok. */\n"
        "export interface ChatClientEvents {\n"
        + "".join(
            f"  {name}: {{ payload: {event.payload.__name__}; reply: {event.reply.__name__} }};\n"
            for name, event in wire.CHAT_CLIENT_EVENTS.items()
        )
        + "}\n"
    )
    parts.append(
        "/** Server events: what is received unasked. */\nexport interface ChatServerEvents {\n"
        + "".join(f"  {name}: {model.__name__};\n" for name, model in wire.CHAT_SERVER_EVENTS.items())
        + "}\n"
    )
    return "\n".join(parts)


def models() -> list[type[Message]]:
    """Every model of the chat protocol in the order of its definition."""
    found = [value for value in vars(wire).values() if isinstance(value, type) and issubclass(value, Message)]
    return [model for model in found if model.__module__ == wire.__name__]
