"""DTLS handshakes in both roles among themselves: loss, order, hostile bytes, strangers."""

import time
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from OpenSSL._util import lib as openssl

from sfu import dtls
from sfu.certificate import Certificate
from sfu.dtls import DtlsError, Handshake, State

OURS, THEIRS = Certificate.generate(), Certificate.generate()
Filter = Callable[[int, bytes], list[bytes]]
"""(number of the datagram in its direction, datagram) -> what arrives."""


def through(_number: int, datagram: bytes) -> list[bytes]:
    return [datagram]


class Pair:
    """A client and a server, and what passes between them."""

    def __init__(self, to_server: Filter = through, to_client: Filter = through) -> None:
        self.server = Handshake(OURS, client=False, fingerprints=[THEIRS.fingerprint], now=0)
        self.client = Handshake(THEIRS, client=True, fingerprints=[OURS.fingerprint], now=0)
        self.filters = to_server, to_client
        self.sent = [0, 0]

    def exchange(self, from_client: list[bytes], from_server: list[bytes], now: float) -> None:
        """Delivers until both are silent."""
        while from_client or from_server:
            arrived = self._pass(0, from_client)
            from_client = []
            for datagram in arrived:
                from_server = from_server + self.server.receive(datagram, now)
            arrived = self._pass(1, from_server)
            from_server = []
            for datagram in arrived:
                from_client = from_client + self.client.receive(datagram, now)

    def _pass(self, direction: int, datagrams: list[bytes]) -> list[bytes]:
        arrived = []
        for datagram in datagrams:
            assert len(datagram) <= dtls.MTU
            arrived += self.filters[direction](self.sent[direction], datagram)
            self.sent[direction] += 1
        return arrived

    def run(self, until: float = 0.0) -> float:
        """Starts, and lets both clocks run on while someone waits; the time when both are done."""
        now = 0.0
        self.exchange(self.client.start(now), self.server.start(now), now)
        while not self.done():
            due = [t for t in (self.client.timeout(), self.server.timeout()) if t is not None]
            now = max(now, min(due))
            if now > until:
                break
            self.exchange(self.client.expire(now), self.server.expire(now), now)
        return now

    def done(self) -> bool:
        return self.client.state is self.server.state is State.DONE

    def assert_agreed(self) -> None:
        assert self.client.keys is not None
        assert self.server.keys is not None
        assert self.client.keys.profile == self.server.keys.profile == "AEAD_AES_128_GCM"
        assert self.client.keys.send == self.server.keys.receive
        assert self.client.keys.receive == self.server.keys.send
        assert len(self.client.keys.send) == 16 + 12
        assert self.client.keys.send != self.client.keys.receive


def test_both_sides_agree() -> None:
    pair = Pair()
    assert pair.server.state is State.NEW
    assert pair.server.timeout() is None
    pair.run()
    assert pair.done()
    pair.assert_agreed()


def test_keys_are_not_shown() -> None:
    pair = Pair()
    pair.run()
    assert pair.client.keys is not None
    assert repr(pair.client.keys) == "SrtpKeys(profile='AEAD_AES_128_GCM')"


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_lost_datagram_is_sent_again_within_the_second(direction: int, number: int) -> None:
    def lossy(index: int, datagram: bytes) -> list[bytes]:
        return [] if index == number else [datagram]

    filters: list[Filter] = [through, through]
    filters[direction] = lossy
    pair = Pair(*filters)
    last = pair.run(until=0.9)
    assert pair.done()
    pair.assert_agreed()
    assert last <= dtls.RESEND_AFTER[-1]


def test_a_lost_last_flight_is_rebuilt_on_request() -> None:
    # The server is done and waits for nothing; the client asks with OpenSSL's timer, and only new
    # record numbers pass the server's replay window.
    started = time.monotonic()
    last_flights: list[bytes] = []

    def lossy(index: int, datagram: bytes) -> list[bytes]:
        if pair.server.state is State.DONE and time.monotonic() - started < 0.5:
            last_flights.append(datagram)
            return []
        return [datagram]

    pair = Pair(to_client=lossy)
    pair.run()
    assert last_flights
    assert pair.server.state is State.DONE
    assert pair.client.state is State.RUNNING
    while not pair.done():
        now = time.monotonic() - started
        assert now < 5
        due = pair.client.timeout()
        assert due is not None
        time.sleep(min(max(due - now, 0.01), 0.2))
        now = time.monotonic() - started
        pair.exchange(pair.client.expire(now), [], now)
    pair.assert_agreed()


def test_a_flight_lost_for_good_is_given_up() -> None:
    pair = Pair(to_server=lambda _number, _datagram: [])
    assert len(pair.client.start(0)) == 1
    assert pair.client.timeout() == pytest.approx(dtls.RESEND_AFTER[0])
    assert len(pair.client.expire(0.15)) == 1
    assert pair.client.timeout() == pytest.approx(dtls.RESEND_AFTER[1])
    assert pair.client.expire(0.2) == []
    assert len(pair.client.expire(0.45)) == 1
    with pytest.raises(DtlsError, match="not done in time"):
        pair.client.expire(dtls.GIVE_UP)
    assert pair.client.state is State.FAILED
    assert pair.client.timeout() is None
    assert pair.client.expire(100) == []
    assert pair.client.receive(b"\x16" * 100, 100) == []


def test_the_clock_starts_with_the_first_datagram() -> None:
    pair = Pair()
    pair.exchange(pair.client.start(1000), [], 1000)
    assert pair.done()


@pytest.mark.parametrize("client", [True, False])
def test_wrong_fingerprint_is_refused_and_told(client: bool) -> None:
    pair = Pair()
    wrong = [THEIRS.fingerprint if client else OURS.fingerprint, "sha-1 AB", "nonsense", ""]
    suspicious = Handshake(THEIRS if client else OURS, client=client, fingerprints=wrong, now=0)
    if client:
        pair.client = suspicious
    else:
        pair.server = suspicious
    with pytest.raises(DtlsError, match="none of the announced fingerprints"):
        pair.run()
    assert suspicious.keys is None
    assert suspicious.state is State.FAILED
    farewell = suspicious.pending()
    assert farewell
    assert suspicious.pending() == []
    # The deceived side, if it is done already, sees the end.
    other = pair.server if client else pair.client
    if client:
        for datagram in farewell:
            other.receive(datagram, 0)
        assert other.peer_closed


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_any_announced_fingerprint_will_do(algorithm: hashes.HashAlgorithm) -> None:
    pem = THEIRS.dump()
    digest = x509.load_pem_x509_certificate(pem).fingerprint(algorithm).hex(":").upper()
    name = f"sha-{algorithm.digest_size * 8}"
    pair = Pair()
    pair.server = Handshake(
        OURS, client=False, fingerprints=["sha-256 00:11", f"{name} {digest}"], now=0
    )
    pair.run()
    assert pair.done()


def test_close_is_told_and_seen() -> None:
    pair = Pair()
    pair.run()
    farewell = pair.server.close()
    assert len(farewell) == 1
    assert pair.server.state is State.CLOSED
    assert pair.server.keys is None
    assert pair.server.close() == []
    assert not pair.client.peer_closed
    pair.client.receive(farewell[0], 1)
    assert pair.client.peer_closed
    assert pair.server.receive(b"late", 2) == []


def test_closing_an_unfinished_handshake_says_nothing() -> None:
    handshake = Handshake(OURS, client=True, fingerprints=[], now=0)
    handshake.start(0)
    assert handshake.close() == []
    assert handshake.expire(1) == []
    assert handshake.timeout() is None


def test_memory_is_released_after_lingering() -> None:
    pair = Pair()
    now = pair.run()
    due = pair.server.timeout()
    assert due == now + dtls.LINGER
    assert pair.server.expire(due - 1) == []
    assert pair.server.timeout() == due
    assert pair.server.expire(due) == []
    assert pair.server.timeout() is None
    assert pair.server.state is State.DONE
    assert pair.server.keys is not None
    assert pair.server.receive(pair.client.close()[0], due + 1) == []
    assert not pair.server.peer_closed
    assert pair.server.close() == []


def test_a_lost_last_flight_is_there_after_the_memory_was_released() -> None:
    asked: dict[int, bytes] = {}
    pair = Pair(
        lambda index, datagram: [asked.setdefault(index, datagram)],
        lambda index, datagram: [] if pair.server.state is State.DONE else [datagram],
    )
    pair.run()
    assert pair.client.state is State.RUNNING
    assert pair.server.expire(dtls.LINGER + 1) == []
    flights = [
        flight for one in list(asked.values())[-4:] if (flight := pair.server.receive(one, 9.0))
    ]
    assert len(flights) == 1, "once, however many datagrams ask"
    for datagram in flights[0]:
        pair.client.receive(datagram, 9.0)
    assert pair.done()
    pair.assert_agreed()


def test_lingering_may_last() -> None:
    pair = Pair()
    pair.server = Handshake(
        OURS, client=False, fingerprints=[THEIRS.fingerprint], now=0, linger=float("inf")
    )
    pair.run()
    assert pair.done()
    assert pair.server.timeout() is None
    pair.server.receive(pair.client.close()[0], 1e6)
    assert pair.server.peer_closed


def fragmented(hello: bytes, at: int) -> list[bytes]:
    """A ClientHello of one record as two fragments in two datagrams (RFC 6347 §4.2.3)."""
    body = hello[25:]
    fragments = []
    for number, (start, stop) in enumerate(((0, at), (at, len(body)))):
        piece = body[start:stop]
        handshake = hello[13:19] + start.to_bytes(3) + len(piece).to_bytes(3) + piece
        # Record numbers that the client will not use: its next one is 1.
        sequence = (40 * number).to_bytes(6)
        fragments.append(hello[:5] + sequence + len(handshake).to_bytes(2) + handshake)
    return fragments


@pytest.mark.parametrize("swapped", [False, True])
def test_a_client_hello_in_two_datagrams_in_any_order(swapped: bool) -> None:
    pair = Pair()
    (hello,) = pair.client.start(0)
    first, second = fragmented(hello, 60)
    if swapped:
        first, second = second, first
    assert pair.server.receive(first, 0) == []
    flight = pair.server.receive(second, 0)
    assert flight
    pair.exchange([], flight, 0)
    # The client's transcript has the hello in one piece, the server's put it together: they agree.
    assert pair.done()
    pair.assert_agreed()


def test_a_repeated_client_hello_gets_the_flight_again_but_not_at_once() -> None:
    pair = Pair()
    (hello,) = pair.client.start(0)
    flight = pair.server.receive(hello, 0)
    assert flight
    assert pair.server.receive(hello, 0.01) == []
    assert pair.server.receive(hello, 0.06) == flight
    assert pair.server.receive(hello, 0.08) == []
    for turn in range(1, 50):
        pair.server.receive(hello, 0.1 + turn)
        if turn > dtls.MAX_RESENDS:
            assert pair.server.receive(hello, 0.2 + turn) == []
        if turn > 15:
            break
    pair.exchange([], flight, 17)
    assert pair.done()


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["pass", "drop", "twice", "hold"]), max_size=8), st.booleans())
def test_loss_duplication_and_reordering_never_break_it(fates: list[str], reverse: bool) -> None:
    def unkind() -> Filter:
        held: list[bytes] = []

        def arrive(number: int, datagram: bytes) -> list[bytes]:
            fate = fates[number] if number < len(fates) else "pass"
            if fate == "hold":
                held.append(datagram)
                return []
            kept, held[:] = list(held), []
            together = {"pass": [datagram], "drop": [], "twice": [datagram] * 2}[fate] + kept
            return together[::-1] if reverse else together

        return arrive

    pair = Pair(to_server=unkind(), to_client=unkind())
    pair.run(until=0.9)
    # Whoever is done is rightly so; the rest is up to the timers beyond a second.
    if pair.done():
        pair.assert_agreed()
    assert State.FAILED not in (pair.client.state, pair.server.state)
    if not set(fates) & {"drop", "hold"}:
        assert pair.done()


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=200), max_size=5), st.booleans(), st.data())
def test_hostile_bytes_raise_nothing_else(
    junk: list[bytes], client: bool, data: st.DataObject
) -> None:
    victim = Handshake(OURS, client=client, fingerprints=[THEIRS.fingerprint], now=0)
    real = Handshake(THEIRS, client=True, fingerprints=[], now=0).start(0)[0]
    position = data.draw(st.integers(0, len(real) - 1))
    damaged = real[:position] + data.draw(st.binary(max_size=4)) + real[position + 1 :]
    try:
        victim.start(0)
        for datagram in [*junk, damaged, *(b"\x16\xfe\xfd" + item for item in junk)]:
            for out in victim.receive(datagram, 0):
                assert len(out) <= dtls.MTU
        victim.expire(0.5)
    except DtlsError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
        assert victim.state is State.FAILED
    assert victim.keys is None
    # Nothing stays behind for the next one on this thread.
    pair = Pair()
    pair.run()
    assert pair.done()


def test_a_stranger_cannot_make_us_hoard() -> None:
    victim = Handshake(OURS, client=False, fingerprints=[], now=0)
    (hello,) = Handshake(THEIRS, client=True, fingerprints=[], now=0).start(0)
    record = hello[:13] + hello[13:40]

    def pour() -> None:
        for number in range(dtls.MAX_RECEIVED):
            victim.receive(record[:5] + number.to_bytes(6) + record[11:], 0)

    with pytest.raises(DtlsError, match="bytes before the handshake was done"):
        pour()
    assert victim.receive(b"x" * (dtls.MAX_DATAGRAM + 1), 0) == []


def test_stale_errors_of_others_do_no_harm() -> None:
    def leave_one() -> None:
        # A key that cannot be parsed, by a caller who does not look at the queue.
        openssl.ERR_clear_error()
        method = SSL.Context(SSL.DTLS_METHOD)._context
        assert openssl.SSL_CTX_set_cipher_list(method, b"NO-SUCH-CIPHER") == 0
        assert openssl.ERR_peek_error() != 0

    pair = Pair()
    from_client = pair.client.start(0)
    leave_one()
    from_server = [out for one in from_client for out in pair.server.receive(one, 0)]
    leave_one()
    from_client = [out for one in from_server for out in pair.client.receive(one, 0)]
    leave_one()
    pair.exchange(from_client, [], 0)
    assert pair.done()
    leave_one()
    assert pair.client.receive(b"\x17\xfe\xfd" + b"\0" * 20, 1) == []
    assert pair.client.state is State.DONE
