"""What a route answers beside JSON and the refusals that every route has, for the OpenAPI document."""

from typing import Any

Answers = dict[int | str, dict[str, Any]]


def file_of(media_type: str, description: str = "The file.") -> Answers:
    """A file of that type."""
    schema = {"type": "object"} if media_type.endswith("json") else {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}, "description": description}}


def file_part_of(media_type: str) -> Answers:
    """A part of a file of that type."""
    schema = {"type": "string", "format": "binary"}
    return {206: {"content": {media_type: {"schema": schema}}, "description": "A part of the file."}}


def refusals(*statuses: int) -> Answers:
    """Statuses of refusals that do not follow from the route (``companion.openapi`` puts the codes to them)."""
    return {status: {} for status in statuses}
