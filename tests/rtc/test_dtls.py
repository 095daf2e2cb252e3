"""DTLS-SRTP: the handshake under loss, and what must not disturb it. Rows 1, 2 and 4 of the threat list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from rtc.dtls import (
    HANDSHAKE_TIMEOUT_US,
    MAX_PARALLEL_ATTEMPTS,
    DtlsCertificate,
    DtlsTransport,
    Fingerprint,
)
from rtc.dtls_records import HANDSHAKE_HEADER_BYTES, RECORD_HEADER_BYTES, ContentType
from tests.rtc.dtls_network import (
    Network,
    certificate,
    client_hello,
    client_transport,
    lossy,
    server_transport,
)


def connected() -> Network:
    network = Network(client_transport(), server_transport())
    network.run()
    assert (network.client.state, network.server.state) == ("connected", "connected")
    return network


def assert_keys_agree(client: DtlsTransport, server: DtlsTransport) -> None:
    assert client.srtp_keys is not None
    assert server.srtp_keys is not None
    assert client.srtp_keys.profile == server.srtp_keys.profile
    assert client.srtp_keys.local == server.srtp_keys.remote
    assert client.srtp_keys.remote == server.srtp_keys.local
    assert client.srtp_keys.local != client.srtp_keys.remote


def handshake_record(body: bytes, sequence: int = 0, epoch: int = 0) -> bytes:
    header = bytes((ContentType.HANDSHAKE, 0xFE, 0xFD)) + epoch.to_bytes(2, "big") + sequence.to_bytes(6, "big")
    return header + len(body).to_bytes(2, "big") + body


def fragment(
    body: bytes, *, kind: int = 1, message_bytes: int | None = None, sequence: int = 0, offset: int = 0
) -> bytes:
    total = len(body) if message_bytes is None else message_bytes
    return (
        bytes((kind,))
        + total.to_bytes(3, "big")
        + sequence.to_bytes(2, "big")
        + offset.to_bytes(3, "big")
        + len(body).to_bytes(3, "big")
        + body
    )


def hello_body() -> bytes:
    """The ClientHello message of a real client, without headers."""
    return client_hello()[0][RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES :]


def test_a_handshake_ends_with_the_same_keys_at_both_sides_and_the_preferred_profile() -> None:
    network = connected()
    assert_keys_agree(network.client, network.server)
    assert network.server.srtp_keys is not None
    assert network.server.srtp_keys.profile == "AEAD_AES_128_GCM"
    assert len(network.server.srtp_keys.local) == 16 + 12
    assert not network.server.drops
    assert network.server.next_timeout_us() is None
    assert len(network.sent) == 4, "one datagram per flight"


@pytest.mark.parametrize(
    ("offered", "profile", "key_and_salt_bytes"),
    [
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM", 28),
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM", 44),
        (b"SRTP_AES128_CM_SHA1_80", "AES128_CM_SHA1_80", 30),
    ],
)
def test_the_server_chooses_the_best_profile_whatever_the_clients_order(
    offered: bytes, profile: str, key_and_salt_bytes: int
) -> None:
    own = DtlsCertificate.generate(datetime(2026, 1, 1, tzinfo=UTC))
    own.context("client").set_tlsext_use_srtp(offered)
    client = DtlsTransport(own, "client", [certificate("server").fingerprint])
    network = Network(client, DtlsTransport(certificate("server"), "server", [own.fingerprint]))
    network.run()
    assert_keys_agree(network.client, network.server)
    assert network.server.srtp_keys is not None
    assert network.server.srtp_keys.profile == profile
    assert len(network.server.srtp_keys.local) == key_and_salt_bytes


@pytest.mark.parametrize("seed", range(20))
def test_a_handshake_completes_although_three_datagrams_in_ten_are_lost(seed: int) -> None:
    network = Network(client_transport(), server_transport(), lossy(seed, 0.3))
    network.run()
    assert (network.client.state, network.server.state) == ("connected", "connected")
    assert_keys_agree(network.client, network.server)


@pytest.mark.parametrize("lost", range(4))
def test_each_flight_may_be_lost_once(lost: int) -> None:
    count = 0

    def passes(_data: bytes, _to: str) -> bool:
        nonlocal count
        count += 1
        return count - 1 != lost

    network = Network(client_transport(), server_transport(), passes)
    network.run(3_000_000)
    assert_keys_agree(network.client, network.server)
    assert network.now_us < 1_000_000


def test_a_client_that_is_never_answered_gives_up_after_30_s() -> None:
    network = Network(client_transport(), server_transport(), lambda _data, _to: False)
    network.run()
    assert (network.client.state, network.client.failure) == ("failed", "handshake_timeout")
    assert network.now_us == HANDSHAKE_TIMEOUT_US
    assert len(network.sent) < 15, "retransmissions back off"
    assert network.client.next_timeout_us() is None


def test_a_server_whose_client_vanishes_gives_up_after_30_s() -> None:
    network = Network(client_transport(), server_transport(), lambda _data, to: to == "server")
    network.client.start(0)
    server = server_transport()
    for data in network.client.poll_transmit():
        server.handle_datagram(data, 0)
    server.handle_timeout(HANDSHAKE_TIMEOUT_US)
    assert (server.state, server.failure) == ("failed", "handshake_timeout")


def test_a_server_waits_without_a_timer_until_a_client_begins() -> None:
    server = server_transport()
    server.start(0)
    server.handle_timeout(10**12)
    assert (server.state, server.next_timeout_us(), server.poll_transmit()) == ("new", None, [])


def test_closing_tells_the_peer() -> None:
    network = connected()
    network.client.close()
    network.run()
    assert (network.client.state, network.server.state) == ("closed", "closed")
    network.server.close()
    assert network.server.state == "closed"


def test_closing_before_the_handshake_says_nothing() -> None:
    server = server_transport()
    server.close()
    server.handle_datagram(client_hello()[0], 0)
    assert (server.state, server.poll_transmit()) == ("closed", [])
    assert server.drops == {"dtls_not_open": 1}


def test_a_client_does_not_listen_before_it_has_started() -> None:
    client = client_transport()
    client.handle_datagram(client_hello()[0], 0)
    assert client.drops == {"dtls_not_open": 1}


def test_starting_twice_sends_one_client_hello() -> None:
    client = client_transport()
    client.start(0)
    client.start(1)
    assert len(client.poll_transmit()) == 1


@pytest.mark.attack
def test_a_wrong_certificate_fails_and_yields_no_keys() -> None:
    network = Network(client_transport("impostor"), server_transport())
    network.run()
    assert (network.server.state, network.server.failure) == ("failed", "fingerprint_mismatch")
    assert network.server.srtp_keys is None
    assert network.client.state == "closed", "the other side is told"


@pytest.mark.attack
def test_no_announced_fingerprint_accepts_nobody() -> None:
    network = Network(client_transport(), DtlsTransport(certificate("server"), "server", []))
    network.run()
    assert network.server.failure == "fingerprint_mismatch"


def test_any_one_of_several_fingerprints_suffices() -> None:
    announced = [Fingerprint.of(b"another certificate"), certificate("client").fingerprint]
    network = Network(client_transport(), DtlsTransport(certificate("server"), "server", announced))
    network.run()
    assert network.server.state == "connected"


@pytest.mark.attack
def test_a_client_without_srtp_fails() -> None:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    own = DtlsCertificate.generate(datetime(2026, 1, 1, tzinfo=UTC))
    own._contexts["client"] = context
    context.use_certificate(own._certificate)
    context.use_privatekey(own._private_key)
    server = DtlsTransport(certificate("server"), "server", [own.fingerprint])
    Network(DtlsTransport(own, "client", [certificate("server").fingerprint]), server).run()
    assert (server.state, server.failure, server.srtp_keys) == ("failed", "no_srtp_profile", None)


@pytest.mark.attack
def test_null_and_static_ciphers_are_refused_and_the_real_client_still_connects() -> None:
    server = server_transport()
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_cipher_list(b"eNULL:AES128-SHA:@SECLEVEL=0")
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    server.handle_datagram(connection.bio_read(4096), 0)
    assert server.poll_transmit() == []
    assert server.drops == {"dtls_handshake_no_shared_cipher": 1}
    network = Network(client_transport(), server)
    network.run()
    assert_keys_agree(network.client, server)


@pytest.mark.attack
@pytest.mark.parametrize("before", [True, False])
def test_another_client_hello_before_or_during_the_handshake_does_not_disturb_it(before: bool) -> None:
    server = server_transport()
    client = client_transport()
    if before:
        for data in client_hello():
            server.handle_datagram(data, 0)
        server.poll_transmit()
    client.start(1)
    for data in client.poll_transmit():
        server.handle_datagram(data, 1)
    if not before:
        answers = server.poll_transmit()
        for data in client_hello():
            server.handle_datagram(data, 2)
        server.poll_transmit()
    else:
        answers = server.poll_transmit()
    for data in answers:
        client.handle_datagram(data, 3)
    network = Network(client, server)
    network.run(1_000_000)
    assert_keys_agree(client, server)


@pytest.mark.attack
def test_a_client_hello_after_the_handshake_is_ignored() -> None:
    network = connected()
    keys = network.server.srtp_keys
    for data in client_hello():
        network.server.handle_datagram(data, network.now_us)
    assert (network.server.state, network.server.srtp_keys) == ("connected", keys)


@pytest.mark.attack
def test_the_number_of_parallel_attempts_is_bounded_and_old_ones_make_room() -> None:
    server = server_transport()
    for _ in range(10):
        server.handle_datagram(client_hello()[0], 0)
    assert server.drops == {"dtls_too_many_attempts": 10 - MAX_PARALLEL_ATTEMPTS}
    assert len(server._attempts) == MAX_PARALLEL_ATTEMPTS
    network = Network(client_transport(), server)
    network.now_us = 5_000_000
    server.poll_transmit()
    network.run()
    assert_keys_agree(network.client, server)


@pytest.mark.attack
def test_an_endless_row_of_client_hellos_costs_a_bounded_number_of_signatures() -> None:
    server = server_transport()
    for number in range(100):
        server.handle_datagram(client_hello()[0], number * 200_000)
    assert server._attempts_made <= 32
    assert server.drops["dtls_too_many_attempts"] > 0


@pytest.mark.attack
def test_repeating_a_client_hello_draws_a_bounded_number_of_answers() -> None:
    server = server_transport()
    hello = client_hello()[0]
    answered = 0
    for number in range(1000):
        server.handle_datagram(hello, number * 1_000)
        answered += bool(server.poll_transmit())
    assert answered <= 17
    assert server._attempts_made == 1


@pytest.mark.attack
def test_forged_alerts_do_not_end_a_handshake_nor_a_call() -> None:
    alert = bytes((ContentType.ALERT, 0xFE, 0xFD)) + bytes(8) + b"\0\2" + b"\2\x28"
    client, server = client_transport(), server_transport()
    client.start(0)
    server.handle_datagram(client.poll_transmit()[0], 0)
    server.handle_datagram(alert, 1)
    for data in server.poll_transmit():
        client.handle_datagram(data, 2)
    Network(client, server).run()
    assert_keys_agree(client, server)
    server.handle_datagram(alert, 3)
    server.handle_datagram(alert[:3] + b"\0\1" + alert[5:], 4)
    assert server.state == "connected"
    assert server.drops["dtls_alert_unauthenticated"] == 2


@pytest.mark.attack
@pytest.mark.parametrize(
    "body",
    [
        fragment(b"", message_bytes=500),
        fragment(b"", message_bytes=0),
        fragment(bytes(100), message_bytes=50),
        fragment(bytes(100), message_bytes=0xFFFFFF),
        fragment(bytes(100), sequence=0xFFFF),
        fragment(bytes(100), kind=99),
        fragment(bytes(10), offset=0xFFFFF0, message_bytes=0xFFFFFF),
        fragment(bytes(100))[:50],
        fragment(bytes(100)) + b"\1\0",
        fragment(bytes(600), kind=11, sequence=1),
        fragment(bytes(20), kind=16, sequence=2),
        b"",
    ],
)
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_malformed_fragments_do_not_disturb_a_handshake(body: bytes, moment: str) -> None:
    client, server = client_transport(), server_transport()
    bad = handshake_record(body, sequence=2**40)
    if moment == "before":
        server.handle_datagram(bad, 0)
    client.start(0)
    hello = client.poll_transmit()[0]
    if moment == "during":
        # Cut in two, with the bad one between: as Chromium's two datagrams.
        message = hello[RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES :]
        server.handle_datagram(handshake_record(fragment(message[:60], message_bytes=len(message))), 0)
        server.handle_datagram(bad, 0)
        rest = fragment(message[60:], message_bytes=len(message), offset=60)
        server.handle_datagram(handshake_record(rest, sequence=1), 0)
    else:
        server.handle_datagram(hello, 0)
    for data in server.poll_transmit():
        client.handle_datagram(data, 1)
    network = Network(client, server)
    network.run(2_000_000)
    if moment == "after":
        server.handle_datagram(bad, 3_000_000)
    assert_keys_agree(client, server)
    assert server.state == "connected"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 2, 1)])
def test_a_client_hello_assembles_from_overlapping_fragments_in_any_order(order: Sequence[int]) -> None:
    client, server = client_transport(), server_transport()
    client.start(0)
    message = client.poll_transmit()[0][RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES :]
    pieces = [(0, 60), (50, 100), (100, len(message))]
    for number, piece in enumerate(order):
        start, end = pieces[piece]
        data = fragment(message[start:end], message_bytes=len(message), offset=start)
        server.handle_datagram(handshake_record(data, sequence=number), number)
    for data in server.poll_transmit():
        client.handle_datagram(data, 10)
    Network(client, server).run(2_000_000)
    assert_keys_agree(client, server)


@pytest.mark.attack
def test_fragments_that_are_never_completed_take_a_bounded_memory() -> None:
    server = server_transport()
    message = hello_body()
    server.handle_datagram(handshake_record(fragment(message[:60], message_bytes=16_384)), 0)
    for number in range(2_000):
        data = fragment(bytes(1000), message_bytes=16_384, offset=60 + number % 15_000)
        server.handle_datagram(handshake_record(data, sequence=number + 1), number)
    assert server.drops["dtls_handshake_too_long"] > 0
    assert sum(attempt.input_bytes for attempt in server._attempts) <= 262_144


@pytest.mark.attack
def test_application_data_is_thrown_away_and_counted() -> None:
    network = connected()
    attempt = network.client._attempts[0]
    attempt.connection.send(b"nothing the server wants")
    network.server.handle_datagram(attempt.drain()[0], network.now_us)
    assert network.server.drops == {"dtls_application_data": 1}
    assert network.server.state == "connected"


@pytest.mark.attack
@settings(max_examples=60, deadline=None)
@given(
    garbage=st.lists(
        st.binary(max_size=80)
        | st.builds(
            lambda kind, epoch, number, body: (
                bytes((kind, 0xFE, 0xFD, 0, epoch)) + number.to_bytes(6, "big") + len(body).to_bytes(2, "big") + body
            ),
            st.integers(20, 23),
            st.integers(0, 2),
            st.integers(0, 2**48 - 1),
            st.binary(max_size=80),
        ),
        max_size=8,
    )
)
def test_no_garbage_stops_the_real_client(garbage: list[bytes]) -> None:
    client, server = client_transport(), server_transport()
    for data in garbage:
        server.handle_datagram(data, 0)
    server.poll_transmit()
    client.start(0)
    for data in client.poll_transmit():
        server.handle_datagram(data, 0)
    for data in garbage:
        server.handle_datagram(data, 1)
    for data in server.poll_transmit():
        client.handle_datagram(data, 1)
    network = Network(client, server)
    network.run(2_000_000)
    for data in garbage:
        server.handle_datagram(data, network.now_us)
    assert server.state == "connected"
    assert_keys_agree(client, server)


@pytest.mark.attack
def test_bad_records_of_one_peer_do_not_show_at_another() -> None:
    """OpenSSL's errors stand in a queue of the thread, not of the connection."""
    first, second = connected(), connected()
    attempt = second.client._attempts[0]
    for number in range(50):
        body = bytes((number,)) * number
        for kind in ContentType:
            header = bytes((kind, 0xFE, 0xFD, 0, 1)) + (100 + number).to_bytes(6, "big") + len(body).to_bytes(2, "big")
            first.server.handle_datagram(header + body, 0)
        stranger = server_transport()
        stranger.handle_datagram(handshake_record(fragment(bytes(60))), 0)
        attempt.connection.send(b"from a peer in good standing")
        second.server.handle_datagram(attempt.drain()[0], 0)
    assert (first.server.state, second.server.state) == ("connected", "connected")
    assert second.server.drops == {"dtls_application_data": 50}


@pytest.mark.attack
def test_a_datagram_beyond_any_mtu_is_dropped() -> None:
    server = server_transport()
    server.handle_datagram(bytes(5000), 0)
    assert server.drops == {"dtls_datagram_too_long": 1}


def test_the_certificate_is_ecdsa_p_256_and_its_fingerprint_is_in_sdp_form() -> None:
    own = certificate("server")
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", own.fingerprint_sha256)
    assert own.fingerprint == Fingerprint("sha-256", own.fingerprint_sha256)
    assert own._private_key.curve.name == "secp256r1"


def test_the_openssl_context_is_made_once_per_role() -> None:
    own = certificate("server")
    assert own.context("server") is own.context("server")
    assert own.context("server") is not own.context("client")


def test_keys_do_not_show_in_logs() -> None:
    network = connected()
    assert repr(network.server.srtp_keys) == "SrtpKeys(profile='AEAD_AES_128_GCM')"
