from collections.abc import Callable
from typing import Any

class WriteQueue:
    waiting: list[Any]
    is_open: bool
    is_writable: bool
    is_write_due: bool
    def __init__(
        self,
        most: int,
        give_up_s: float,
        *,
        write_soon: Callable[[], None],
        on_full: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None: ...
    def add(self, write: Any) -> None: ...
