"""Who speaks, in virtual time: loudest first, neither coughs nor pauses count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sfu.speakers import HOLD_US, SPEAKING_LOUDNESS, SpeakerDetector

STEP_US = 200_000
LOUD, CALM, BREATH = 110.0, 90.0, 60.0


class Room:
    """A detector that is read five times a second."""

    def __init__(self) -> None:
        self.detector = SpeakerDetector()
        self.now_us = 5_000_000

    def hear(self, levels: dict[str, float], readings: int = 1) -> list[str]:
        """The speakers after so many equal readings."""
        speakers: list[str] = []
        for _ in range(readings):
            self.now_us += STEP_US
            speakers = self.detector.update(levels, self.now_us)
        return speakers


def test_the_loudest_comes_first() -> None:
    assert Room().hear({"anna": CALM, "bo": LOUD, "cecilia": BREATH}, 5) == ["bo", "anna"]


def test_silence_and_breath_are_nobody() -> None:
    assert Room().hear({}, 5) == []
    assert Room().hear({"anna": BREATH, "bo": 0.0}, 50) == []


def test_a_cough_makes_no_speaker_but_a_sentence_does() -> None:
    room = Room()
    assert room.hear({"anna": LOUD}) == []
    assert room.hear({}, 3) == []
    assert room.hear({"anna": LOUD}, 2) == ["anna"]


def test_a_pause_between_sentences_ends_no_turn_but_a_longer_one_does() -> None:
    room = Room()
    room.hear({"anna": CALM}, 5)
    assert room.hear({}, HOLD_US // STEP_US - 1) == ["anna"]
    assert room.hear({}, 3) == []


def test_who_left_speaks_no_more() -> None:
    room = Room()
    room.hear({"anna": LOUD, "bo": CALM}, 5)
    room.detector.forget("anna")
    room.detector.forget("stranger")
    assert room.hear({"bo": CALM}) == ["bo"]


readings = st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 127), max_size=4), max_size=40)


@given(readings)
def test_only_those_heard_loudly_within_the_hold_are_speakers(all_levels: list[dict[str, float]]) -> None:
    room = Room()
    hold = HOLD_US // STEP_US + 1
    for index, levels in enumerate(all_levels):
        speakers = room.hear(levels)
        recent = all_levels[max(0, index - hold - 8) : index + 1]
        assert len(speakers) == len(set(speakers))
        assert all(any(past.get(person, 0) >= SPEAKING_LOUDNESS for past in recent) for person in speakers)


@given(readings)
def test_a_silent_room_is_forgotten(all_levels: list[dict[str, float]]) -> None:
    room = Room()
    for levels in all_levels:
        room.hear(levels)
    assert room.hear({}, 30) == []
    room.hear({}, 1)
    assert room.detector._loudness == {}
