"""Slots: every rule of who is shown where, for any meeting."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sfu.slots import Pair, Shown, allocate, pair_up, rank

PEOPLE = [f"person-{number}" for number in range(12)]

layouts = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(
    lambda counts: pair_up([f"a{i}" for i in range(counts[0])], [f"v{i}" for i in range(counts[1])])
)
rankings = st.permutations(PEOPLE).flatmap(lambda people: st.integers(0, len(people)).map(lambda size: people[:size]))


@st.composite
def meetings(draw: st.DrawFn) -> tuple[list[Pair], list[list[str]], list[list[str]]]:
    """A layout, and rankings with screens as they follow one another."""
    orders = draw(st.lists(rankings, min_size=1, max_size=5))
    screens = [draw(st.lists(st.sampled_from(order), unique=True, max_size=3)) if order else [] for order in orders]
    return draw(layouts), orders, screens


def follow(meeting: tuple[list[Pair], list[list[str]], list[list[str]]]):
    """Each step's (pairs, ranked, screens, before, after)."""
    pairs, orders, screens = meeting
    before: Mapping[str, Shown | None] = {}
    for ranked, shared in zip(orders, screens, strict=True):
        after = allocate(pairs, ranked, shared, before)
        yield pairs, ranked, shared, before, after
        before = after


def mids(pairs: list[Pair], kind: str) -> list[str]:
    return [mid for pair in pairs if (mid := getattr(pair, kind)) is not None]


@given(meetings())
def test_every_slot_is_told_and_nobody_is_shown_twice(meeting) -> None:
    for pairs, ranked, screens, _, after in follow(meeting):
        assert sorted(after) == sorted(mids(pairs, "audio") + mids(pairs, "video"))
        shown = [held for held in after.values() if held is not None]
        assert len(shown) == len(set(shown))
        assert {person for person, _ in shown} <= {*ranked, *screens}


@given(meetings())
def test_sound_stands_in_audio_slots_and_pictures_in_video_slots(meeting) -> None:
    for pairs, _, _, _, after in follow(meeting):
        assert all(after[mid] is None or after[mid][1] == "microphone" for mid in mids(pairs, "audio"))
        assert all(after[mid] is None or after[mid][1] in ("camera", "screen") for mid in mids(pairs, "video"))


@given(meetings())
def test_a_camera_stands_beside_its_microphone(meeting) -> None:
    for pairs, _, _, _, after in follow(meeting):
        for pair in pairs:
            if pair.audio is not None and pair.video is not None and after[pair.video] is not None:
                person, source = after[pair.video]
                assert source == "screen" or after[pair.audio] == (person, "microphone")


@given(meetings())
def test_screens_come_first_then_people_in_their_order(meeting) -> None:
    for pairs, ranked, screens, _, after in follow(meeting):
        room = len(mids(pairs, "video"))
        shown = [after[mid] for mid in mids(pairs, "video") if after[mid] is not None]
        assert {person for person, source in shown if source == "screen"} == set(screens[:room])
        left = room - len(screens[:room])
        assert {person for person, source in shown if source == "camera"} == set(ranked[:left])


@given(meetings())
def test_nothing_stays_empty_while_somebody_waits(meeting) -> None:
    for pairs, ranked, _, _, after in follow(meeting):
        audio, video = mids(pairs, "audio"), mids(pairs, "video")
        heard = {after[mid][0] for mid in audio if after[mid] is not None}
        if any(after[mid] is None for mid in audio):
            assert len(audio) < len(video) or heard == set(ranked)
        if any(after[mid] is None for mid in video):
            assert {after[mid][0] for mid in video if after[mid] and after[mid][1] == "camera"} == set(ranked)


@given(meetings())
def test_a_picture_that_is_still_wanted_keeps_its_slot(meeting) -> None:
    for pairs, _, _, before, after in follow(meeting):
        for mid in mids(pairs, "video"):
            held = before.get(mid)
            if held is not None and held in {after[other] for other in mids(pairs, "video")}:
                assert after[mid] == held


@given(meetings())
def test_the_same_question_gives_the_same_answer(meeting) -> None:
    for pairs, ranked, screens, _, after in follow(meeting):
        assert allocate(pairs, ranked, screens, after) == after


@given(rankings, st.lists(st.sampled_from([*PEOPLE, "gone"])), st.lists(st.sampled_from([*PEOPLE, "gone"])))
def test_ranking_puts_wanted_before_speakers_before_shown_before_the_rest(people, first, speakers) -> None:
    ranked = rank(people, first, speakers, people[-2:])
    assert sorted(ranked) == sorted(people)
    classes = [
        0 if person in first else 1 if person in speakers else 2 if person in people[-2:] else 3 for person in ranked
    ]
    assert classes == sorted(classes)


def test_a_screen_takes_the_last_pair_and_leaves_its_sound_to_a_further_voice() -> None:
    pairs = pair_up(["a0", "a1"], ["v0", "v1"])
    assert allocate(pairs, ["anna", "bo"], ["bo"], {}) == {
        "a0": ("anna", "microphone"),
        "v0": ("anna", "camera"),
        "a1": ("bo", "microphone"),
        "v1": ("bo", "screen"),
    }


def test_lone_lines_are_paired_with_nothing() -> None:
    assert pair_up(["a0"], ["v0", "v1"]) == [Pair("a0", "v0"), Pair(None, "v1")]
    assert pair_up(["a0", "a1"], []) == [Pair("a0", None), Pair("a1", None)]


def test_a_new_screen_takes_the_slot_of_who_is_not_shown_any_more() -> None:
    pairs = pair_up(["a0", "a1"], ["v0", "v1"])
    before = allocate(pairs, ["anna", "bo"], [], {})
    after = allocate(pairs, ["bo"], ["anna"], before)
    assert (after["v0"], after["v1"]) == (("anna", "screen"), ("bo", "camera"))
