"""Who speaks: from audio levels (RFC 6464) to a short list, loudest first, that does not flicker."""

from collections.abc import Mapping

SPEAKING_LOUDNESS = 77.0
"""Loudness is 127 less -dBov; 77 is -50 dBov, above breath and keyboards, below a calm voice."""
HOLD_US = 1_500_000
"""A pause between sentences does not end a turn."""
SMOOTHING = 0.5
"""Weight of the newest reading (five a second): a cough of one reading does not make a speaker."""
FORGET_LOUDNESS = 1.0


class SpeakerDetector:
    """The speakers of one room, by participant id."""

    def __init__(self) -> None:
        self._loudness: dict[str, float] = {}
        self._spoke_us: dict[str, int] = {}

    def update(self, levels: Mapping[str, float], now_us: int) -> list[str]:
        """Take one reading (participants that sent nothing are silent); return who speaks, the loudest first."""
        for participant_id in set(levels) | set(self._loudness):
            old = self._loudness.get(participant_id, 0.0)
            new = old + SMOOTHING * (levels.get(participant_id, 0.0) - old)
            self._loudness[participant_id] = new
            if new >= SPEAKING_LOUDNESS:
                self._spoke_us[participant_id] = now_us
            elif new < FORGET_LOUDNESS and participant_id not in self._spoke_us:
                del self._loudness[participant_id]
        for participant_id, spoke_us in list(self._spoke_us.items()):
            if now_us - spoke_us > HOLD_US:
                del self._spoke_us[participant_id]
        return sorted(self._spoke_us, key=lambda person: -self._loudness.get(person, 0.0))

    def forget(self, participant_id: str) -> None:
        """The participant left."""
        self._loudness.pop(participant_id, None)
        self._spoke_us.pop(participant_id, None)
