"""From an offer to what the walk must know: producers, slots and number spaces of one participant."""

from collections.abc import Mapping, Sequence
from typing import Any

from rtc.sdp import Offer, SdpError, parse_offer
from rtc.sdp_answer import NegotiatedMedia, SlotSsrc, negotiate
from sfu.bus import RpcError
from sfu.participant import SOURCES, Participant, Producer, SlotState
from sfu.slots import pair_up
from sfu.table import TableFullError
from sfu.transport import Local


def read_offer(text: str) -> Offer:
    """Parse an offer; raise RpcError with the wire protocol's code where it is none."""
    try:
        return parse_offer(text)
    except SdpError as error:
        raise RpcError(error.code, str(error)) from None


def check_tracks(offer: Offer, tracks: Mapping[str, str]) -> None:
    """Refuse tracks that name a source twice, an unknown one, or an m-line that the offer does not have."""
    mids = {media.mid for media in offer.media}
    if len(set(tracks.values())) != len(tracks) or not set(tracks) <= mids or not set(tracks.values()) <= set(SOURCES):
        raise RpcError("offer_invalid", "tracks must name each source once and only m-lines of the offer")


def apply_offer(local: Local, participant: Participant, offer: Offer, tracks: Mapping[str, str]) -> str:
    """Bring the walk's peer, the producers and the slots in line with the offer; return the answer.

    Slots that were there keep their SSRCs and what they show. Raise RpcError where the walk's bounds are reached.
    """
    negotiated = negotiate(offer)
    try:
        _publish(local, participant, negotiated, tracks)
        _receive(local, participant, negotiated)
    except TableFullError as error:
        raise RpcError("too_many_media", str(error)) from None
    slots = {
        mid: SlotSsrc(
            slot.ssrc,
            slot.rtx_ssrc,
            f"slot-{_pair_index(participant, mid)}",
            f"slot-{_pair_index(participant, mid)}-{slot.kind}",
            participant.transport.cname,
        )
        for mid, slot in participant.slots.items()
    }
    return participant.transport.answer(offer, negotiated, slots)


def _pair_index(participant: Participant, mid: str) -> int:
    return next(i for i, pair in enumerate(participant.pairs) if mid in (pair.audio, pair.video))


def _publish(
    local: Local, participant: Participant, negotiated: Sequence[NegotiatedMedia], tracks: Mapping[str, str]
) -> None:
    walk, peer_id = local.walk, participant.transport.peer_id
    sending = [media for media in negotiated if media.role == "send"]
    extensions: dict[str, int] = {}
    codecs: dict[int, int] = {}
    repaired: dict[int, int] = {}
    for media in sending:
        extensions.update(media.extensions)
        for codec in media.codecs:
            codecs[codec.payload_type] = walk.codec_number(codec.key, codec.name)
            if codec.rtx_payload_type is not None:
                repaired[codec.rtx_payload_type] = codec.payload_type
    walk.set_publishing(peer_id, extensions, codecs, repaired)
    wanted = {tracks[media.mid]: media for media in sending if media.mid in tracks}
    for source in [name for name in participant.producers if name not in wanted]:
        remove_producer(local, participant, source)
    for source, media in wanted.items():
        producer = participant.producers.get(source)
        if producer is None or producer.mid != media.mid:
            if producer is not None:
                remove_producer(local, participant, source)
            producer = participant.producers[source] = Producer(source, media.mid, media.kind, media.rids)
        if not media.rids and media.offered.ssrcs:
            bind_offered(local, participant, producer, media)


def bind_offered(local: Local, participant: Participant, producer: Producer, media: NegotiatedMedia) -> None:
    """Add the sources that the offer names: the first stream and its RTX (RFC 5576 FID)."""
    groups = [ssrcs for semantics, ssrcs in media.offered.ssrc_groups if semantics == "FID" and len(ssrcs) == 2]
    primary = groups[0][0] if groups else media.offered.ssrcs[0]
    bind(local, participant, producer, "", primary, clock_rate(media.kind))
    if groups:
        bind_repair(local, participant, producer, "", groups[0][1])


def clock_rate(kind: str) -> int:
    """Opus and every video codec have one RTP clock rate each (RFC 7587, 7741, 9628, 6184)."""
    return 48000 if kind == "audio" else 90000


def bind(local: Local, participant: Participant, producer: Producer, rid: str, ssrc: int, rate: int) -> bool:
    """Make ``ssrc`` the producer's encoding ``rid``; False where the peer has that SSRC already, or too many."""
    walk = local.walk
    old = producer.encodings.get(rid)
    try:
        source_id = walk.add_source(participant.transport.peer_id, ssrc, producer.kind == "video", rate)
    except (ValueError, TableFullError):
        return False
    producer.encodings[rid] = source_id
    if old is not None:
        if rid in producer.repairs:
            walk.remove_source(producer.repairs.pop(rid))
        walk.remove_source(old)
    return True


def bind_repair(local: Local, participant: Participant, producer: Producer, rid: str, ssrc: int) -> bool:
    """Make ``ssrc`` the RTX stream of the encoding ``rid``, which must be bound."""
    primary = producer.encodings.get(rid)
    if primary is None:
        return False
    try:
        source_id = local.walk.add_source(participant.transport.peer_id, ssrc, True, clock_rate(producer.kind), primary)
    except (ValueError, TableFullError):
        return False
    old = producer.repairs.get(rid)
    producer.repairs[rid] = source_id
    if old is not None:
        local.walk.remove_source(old)
    return True


def remove_producer(local: Local, participant: Participant, source: str) -> None:
    """Take a producer and its sources away."""
    producer = participant.producers.pop(source)
    for source_id in (*producer.repairs.values(), *producer.encodings.values()):
        local.walk.remove_source(source_id)


def _receive(local: Local, participant: Participant, negotiated: Sequence[NegotiatedMedia]) -> None:
    walk, peer_id = local.walk, participant.transport.peer_id
    receiving = [media for media in negotiated if media.role == "receive"]
    mids = {media.mid for media in receiving}
    for mid in [mid for mid in participant.slots if mid not in mids]:
        walk.remove_consumer(participant.slots.pop(mid).consumer_id)
    if receiving and not participant.slots:
        extensions: dict[str, int] = {}
        for media in receiving:
            extensions.update(media.extensions)
        walk.set_receiving(peer_id, extensions)
    for media in receiving:
        if media.mid in participant.slots:
            continue
        payload_types: dict[int, Any] = {
            walk.codec_number(codec.key, codec.name): (codec.payload_type, codec.rtx_payload_type)
            for codec in media.codecs
        }
        has_rtx = any(codec.rtx_payload_type is not None for codec in media.codecs)
        ssrc, rtx_ssrc = local.random_ssrc(), local.random_ssrc() if has_rtx else None
        cname = participant.transport.cname.encode()
        consumer_id = walk.add_consumer(peer_id, ssrc, rtx_ssrc or 0, payload_types, cname)
        participant.slots[media.mid] = SlotState(media.mid, media.kind, consumer_id, ssrc, rtx_ssrc)
    participant.pairs = pair_up(
        [media.mid for media in receiving if media.kind == "audio"],
        [media.mid for media in receiving if media.kind == "video"],
    )
