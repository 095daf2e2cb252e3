"""What the publishers send: decodable video, sized frames for the benchmark."""

import av

from loadtest.frames import HEADER_BYTES, encoded_audio, encoded_video, sized_audio, sized_video
from loadtest.packetizer import DESCRIPTOR_BYTES


def test_encoded_video_begins_with_its_only_keyframe_and_every_frame_decodes() -> None:
    frames = encoded_video()
    assert [frame.keyframe for frame in frames] == [True] + [False] * (len(frames) - 1)
    decoder = av.CodecContext.create("vp8", "r")
    pictures = []
    for frame in frames:
        data = b"".join(payload[DESCRIPTOR_BYTES:] for payload in frame.payloads)
        pictures += decoder.decode(av.Packet(data))
    assert len(pictures) >= len(frames) - 1
    assert (pictures[0].width, pictures[0].height) == (640, 360)


def test_encoded_audio_has_twenty_millisecond_frames() -> None:
    frames = encoded_audio()
    assert len(frames) == 100
    assert {frame.duration for frame in frames} == {960}


def test_sized_frames_have_the_packets_asked_for_and_sizes_of_an_encoder() -> None:
    for frame in sized_video(10, 1200):
        sizes = [len(payload) for payload in frame.payloads]
        assert len(sizes) == 10
        assert sizes == sorted(sizes)
        assert max(sizes) - min(sizes) <= 1
        assert 1190 < max(sizes) + HEADER_BYTES <= 1200


def test_sized_frames_say_which_of_them_is_the_keyframe() -> None:
    frames = sized_video(3, 1200)
    assert [not frame.payloads[0][DESCRIPTOR_BYTES] & 1 for frame in frames] == [frame.keyframe for frame in frames]
    assert sum(frame.keyframe for frame in frames) == 1


def test_sized_audio_has_one_size() -> None:
    assert len(sized_audio(120)[0].payloads[0]) + HEADER_BYTES == 120
