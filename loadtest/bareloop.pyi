from rtc.srtp import SrtpSession

class BareLoop:
    """One UDP socket, one publisher session, M subscriber sessions; ``run`` forwards until ``stop``."""

    packets_received: int
    packets_sent: int
    messages_sent: int
    batches: int
    refused: int
    def __init__(
        self,
        fd: int,
        publisher: SrtpSession,
        subscribers: list[tuple[str, int, SrtpSession]],
        segment: bool,
        equalise: bool = False,
    ) -> None: ...
    def stop(self) -> None: ...
    def run(self) -> None: ...
