"""The switch that keeps the test bench out of production."""

from typing import Final

MODE_VARIABLE: Final = "ALLTID_MODE"
DEVELOPMENT: Final = "development"


class NotDevelopmentError(Exception):
    """A process of the test bench was started outside development mode."""

    def __init__(self, process: str) -> None:
        super().__init__(f"{process} is a test bench and starts only with {MODE_VARIABLE}={DEVELOPMENT}")


def require_development(mode: str, process: str) -> None:
    """``NotDevelopmentError`` unless ``mode`` is exactly ``development``; an unset mode is production."""
    if mode != DEVELOPMENT:
        raise NotDevelopmentError(process)
