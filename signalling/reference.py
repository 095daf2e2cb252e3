"""The reference documents as Markdown: the wire protocol, settings and metrics, each from its own code."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from signalling import protocol
from signalling.typescript import models, type_name

NOTICE = "<!-- Generated from the code by `make docs`. Do not edit. -->\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def protocol_document() -> str:
    """docs/protocol.md."""
    parts = [NOTICE, f"\n# The wire protocol, version {protocol.PROTOCOL_VERSION}\n\n"]
    parts.append("\n\n".join(inspect.cleandoc(protocol.__doc__ or "").replace("``", "`").split("\n\n")[1:]) + "\n")
    parts.append("\n## Client events\n\nEach is acknowledged; a refused one changed nothing.\n")
    for name, event in protocol.CLIENT_EVENTS.items():
        parts.append(f"\n### `{name}`\n\n{text_of(event.payload)}\n\n")
        parts.append(fields_table(event.payload, "Payload: an empty object.\n"))
        parts.append(f"\nReply: `{event.reply.__name__}`" + reply_text(event.reply))
        parts.append(f"\nErrors: {codes((*event.errors, *protocol.COMMON_ERRORS))}.\n")
    parts.append("\n## Server events\n")
    for name, model in protocol.SERVER_EVENTS.items():
        parts.append(f"\n### `{name}`\n\n{text_of(model)}\n\n{fields_table(model)}")
    shown = {event.payload for event in protocol.CLIENT_EVENTS.values()}
    shown |= {event.reply for event in protocol.CLIENT_EVENTS.values()} | set(protocol.SERVER_EVENTS.values())
    parts.append("\n## Parts of payloads\n")
    rest = [model for model in models() if model not in shown]
    parts += [f"\n### `{model.__name__}`\n\n{text_of(model)}\n\n{fields_table(model)}" for model in rest]
    parts.append("\n## Error codes\n\nTranslate by code; the message is for developers.\n\n")
    parts.append(table(("Code", "Message"), ((f"`{code}`", text) for code, text in protocol.ERROR_MESSAGES.items())))
    return "".join(parts)


def settings_document(groups: Sequence[tuple[str, type[BaseSettings]]]) -> str:
    """docs/settings.md; one table for each program."""
    parts = [NOTICE, "\n# Settings\n\nEnvironment variables. `serve` passes its own on to the programs it starts.\n"]
    for title, settings in groups:
        prefix = str(settings.model_config.get("env_prefix", ""))
        rows = [
            (f"`{prefix}{name.upper()}`", _default(field), field.description or "")
            for name, field in settings.model_fields.items()
        ]
        parts.append(f"\n## {title}\n\n{table(('Variable', 'Default', 'Meaning'), rows)}")
    return "".join(parts)


def metrics_document(groups: Sequence[tuple[str, CollectorRegistry]]) -> str:
    """docs/metrics.md; one table for each program."""
    parts = [NOTICE, "\n# Metrics\n\nPrometheus metrics. No label carries a person, a room or an address.\n"]
    for title, registry in groups:
        rows = []
        for metric in sorted(registry.collect(), key=lambda metric: metric.name):
            suffix = "_total" if metric.type == "counter" else ""
            rows.append((f"`{metric.name}{suffix}`", metric.type, metric.documentation))
        parts.append(f"\n## {title}\n\n{table(('Metric', 'Type', 'Meaning'), rows)}")
    return "".join(parts)


def text_of(model: type[BaseModel]) -> str:
    """What a model says of itself."""
    return " ".join((model.__doc__ or "").split())


def fields_table(model: type[BaseModel], empty: str = "") -> str:
    """The fields of a model; ``empty`` when it has none."""
    rows = [_row(name, field) for name, field in model.model_fields.items()]
    return table(("Field", "Type", "Meaning"), rows) if rows else empty


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    is_optional = not field.is_required()
    return f"`{name}`" + ("?" if is_optional else ""), f"`{type_name(field.annotation)}`", field.description or ""


def reply_text(model: type[BaseModel]) -> str:
    """The rest of the line that names a reply, and its fields."""
    return f"\n\n{fields_table(model)}" if model.model_fields else ", nothing but `ok`.\n"


def codes(names: Iterable[str]) -> str:
    """Codes, as text."""
    return ", ".join(f"`{name}`" for name in names)


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined or value is None or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
