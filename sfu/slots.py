"""Who is shown in which slot: a pure function that moves as few pictures as it can.

A viewer has a fixed number of slot pairs (an audio and a video m-line with one msid, for lip sync). A person takes
a pair with microphone and camera; a shared screen takes the video of another. With more people than pairs, those
wanted by the viewer come first, then the speakers, then whoever is shown already, then the order of joining; the
audio halves that screens leave free carry further people's voices.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Shown = tuple[str, str]
"""(participant id, source)"""


@dataclass(frozen=True, slots=True)
class Pair:
    """The i-th recvonly audio m-line and the i-th recvonly video m-line; a lone one has None for the other."""

    audio: str | None
    video: str | None


def pair_up(audio: Sequence[str], video: Sequence[str]) -> list[Pair]:
    """Pair m-lines in their order."""
    longest = max(len(audio), len(video))
    return [Pair(audio[i] if i < len(audio) else None, video[i] if i < len(video) else None) for i in range(longest)]


def rank(people: Sequence[str], first: Iterable[str], speakers: Iterable[str], shown: Iterable[str]) -> list[str]:
    """Order ``people`` (given in order of joining) by who should be seen first."""
    known = set(people)
    ordered = dict.fromkeys(person for group in (first, speakers, shown, people) for person in group)
    return [person for person in ordered if person in known]


def allocate(
    pairs: Sequence[Pair], ranked: Sequence[str], screens: Sequence[str], current: Mapping[str, Shown | None]
) -> dict[str, Shown | None]:
    """Return {mid: what it shows} for every mid of ``pairs``.

    ``ranked`` is the people to show, most wanted first; ``screens`` those who share theirs; ``current`` the last
    result: a picture that stays shown keeps its slot.
    """
    result: dict[str, Shown | None] = {mid: None for pair in pairs for mid in (pair.audio, pair.video) if mid}
    full = [pair for pair in pairs if pair.video is not None]
    free = dict.fromkeys(range(len(full)))
    wanted = list(screens)[: len(full)]
    chosen = list(ranked)[: len(full) - len(wanted)]
    cameras = {(person, "camera") for person in chosen}
    staying = {index for index, pair in enumerate(full) if pair.video and current.get(pair.video) in cameras}
    for person in _keep(full, wanted, "screen", current, free, result):
        index = next(index for index in reversed(free) if index not in staying)
        del free[index]
        _set(result, full[index].video, (person, "screen"))
    for person in _keep(full, chosen, "camera", current, free, result):
        index = next(iter(free))
        del free[index]
        _place(result, full[index], person)
    voices = [pair.audio for pair in pairs if pair.audio is not None and result[pair.audio] is None]
    unheard = [person for person in ranked if person not in chosen][: len(voices)]
    for mid in list(voices):
        held = current.get(mid)
        if held is not None and held[0] in unheard:
            result[mid] = held
            voices.remove(mid)
            unheard.remove(held[0])
    for mid, person in zip(voices, unheard, strict=False):
        result[mid] = (person, "microphone")
    return result


def _keep(
    pairs: Sequence[Pair],
    people: Sequence[str],
    source: str,
    current: Mapping[str, Shown | None],
    free: dict[int, None],
    result: dict[str, Shown | None],
) -> list[str]:
    """Leave those where they are who are shown already; return the others."""
    rest = dict.fromkeys(people)
    for index in list(free):
        video = pairs[index].video
        held = current.get(video) if video is not None else None
        if held is not None and held[1] == source and held[0] in rest:
            del rest[held[0]]
            del free[index]
            if source == "screen":
                _set(result, video, held)
            else:
                _place(result, pairs[index], held[0])
    return list(rest)


def _place(result: dict[str, Shown | None], pair: Pair, person: str) -> None:
    _set(result, pair.audio, (person, "microphone"))
    _set(result, pair.video, (person, "camera"))


def _set(result: dict[str, Shown | None], mid: str | None, shown: Shown) -> None:
    if mid is not None:
        result[mid] = shown
