from rtc.srtp import SrtpSession

class BareLoop:
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
