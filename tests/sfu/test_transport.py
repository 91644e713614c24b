"""The transport's states, against a real DTLS client and a recorded packet plane."""

from collections.abc import Sequence

import pytest

from sfu.dtls import Certificate, Handshake
from sfu.forwarder import Remote
from sfu.transport import EARLY_DATAGRAMS, State, Transport
from tests.sfu import fake_plane
from tests.sfu.house import House


class Owner:
    def __init__(self) -> None:
        self.lost: list[str] = []

    def transport_lost(self, transport: Transport, now: float) -> None:
        self.lost.append(transport.why)

    def exceeded(self, transport: Transport, now: float) -> None:
        raise AssertionError

    def leveled(self, transports: Sequence[int], now: float) -> None:
        raise AssertionError


class Peer:
    """A DTLS client, and what the worker was told to send to it."""

    def __init__(self, house: House, transport: Transport, certificate: Certificate) -> None:
        self.house = house
        self.transport = transport
        self.handshake = Handshake(
            certificate,
            client=True,
            fingerprints=[house.forwarders[0].certificate.fingerprint],
            now=house.now,
        )

    def shake(self) -> None:
        """Runs the handshake as far as it goes."""
        flight = self.handshake.start(self.house.now)
        for _ in range(10):
            for datagram in flight:
                self.house.report(fake_plane.Handshake(self.transport.id, datagram))
            flight = [
                answer
                for name, args in self.house.worker.take()
                if name == "send_handshake"
                for datagram in args[1]
                for answer in self.handshake.receive(datagram, self.house.now)
            ]
            if not flight:
                return


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def transport(house: House, owner: Owner) -> Transport:
    return house.forwarders[0].open_transport(owner)


def remote(certificate: Certificate, *, client: bool = False) -> Remote:
    return Remote((certificate.fingerprint,), client, {"mid": 4}, [(111, "opus", -1)], "c")


def states(house: House) -> dict[str, int]:
    counts = house.forwarders[0].transports_by_state
    return {state.value: count for state, count in counts.items() if count}


def test_a_transport_opens(house: House, owner: Owner, transport: Transport) -> None:
    forwarder = house.forwarders[0]
    ours = transport.credentials
    assert house.worker.take() == [("open_transport", (transport.id, ours.ufrag, ours.pwd))]
    assert states(house) == {"new": 1}
    certificate = Certificate.generate()
    forwarder.connect(transport, remote(certificate), house.now)
    assert house.worker.take() == [
        ("set_remote", (transport.id, {"mid": 4}, [(111, "opus", -1)], "c"))
    ]
    assert states(house) == {"checking": 1}
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    assert states(house) == {"securing": 1}
    peer = Peer(house, transport, certificate)
    peer.shake()
    assert transport.state is State.OPEN
    assert transport.opened
    assert peer.handshake.keys is not None
    assert states(house) == {"open": 1}
    assert owner.lost == []


def test_the_keys_go_down_crosswise(
    house: House, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate.generate()
    house.forwarders[0].connect(transport, remote(certificate), house.now)
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    peer = Peer(house, transport, certificate)
    given: list[tuple[int, str, bytes, bytes]] = []
    monkeypatch.setattr(house.worker, "set_keys", lambda *args: given.append(args), raising=False)
    peer.shake()
    ((id, profile, receive, send),) = given
    assert peer.handshake.keys is not None
    assert (id, profile) == (transport.id, peer.handshake.keys.profile)
    assert (receive, send) == (peer.handshake.keys.send, peer.handshake.keys.receive)


def test_a_handshake_may_begin_before_the_answer_is_known(
    house: House, transport: Transport
) -> None:
    certificate = Certificate.generate()
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    peer = Peer(house, transport, certificate)
    for datagram in peer.handshake.start(house.now) * EARLY_DATAGRAMS * 2:
        house.report(fake_plane.Handshake(transport.id, datagram))
    assert states(house) == {"new": 1}
    house.worker.take()
    house.forwarders[0].connect(transport, remote(certificate), house.now)
    assert states(house) == {"securing": 1}
    assert house.worker.named("send_handshake")


def test_another_certificate_than_announced_is_not_let_in(
    house: House, owner: Owner, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.forwarders[0].connect(transport, remote(Certificate.generate()), house.now)
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    impostor = Peer(house, transport, Certificate.generate())
    given: list[object] = []
    monkeypatch.setattr(house.worker, "set_keys", lambda *args: given.append(args), raising=False)
    impostor.shake()
    assert transport.state is State.CLOSED
    assert given == []
    assert len(owner.lost) == 1
    assert "handshake failed" in owner.lost[0]


def test_no_binding_check_in_time(house: House, owner: Owner, transport: Transport) -> None:
    house.pass_time(100)  # without a remote description there is nothing to wait for
    assert states(house) == {"new": 1}
    house.forwarders[0].connect(transport, remote(Certificate.generate()), house.now)
    house.pass_time(29)
    assert states(house) == {"checking": 1}
    house.pass_time(2)
    assert owner.lost == ["no binding check in time"]
    assert house.worker.named("close_transport") == [(transport.id,)]
    assert states(house) == {}


def test_no_handshake_in_time(house: House, owner: Owner, transport: Transport) -> None:
    house.forwarders[0].connect(transport, remote(Certificate.generate()), house.now)
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    house.pass_time(16)
    assert owner.lost == ["no handshake in time"]


def test_as_a_client_we_begin_and_try_again(house: House, transport: Transport) -> None:
    house.forwarders[0].connect(transport, remote(Certificate.generate(), client=True), house.now)
    assert not house.worker.named("send_handshake")
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    assert len(house.worker.named("send_handshake")) == 1
    house.pass_time(4)
    assert len(house.worker.named("send_handshake")) >= 2


def test_consent_that_expires_ends_it(house: House, owner: Owner, transport: Transport) -> None:
    house.report(fake_plane.PathDown(transport.id))
    assert owner.lost == ["consent expired"]
    house.report(fake_plane.PathDown(transport.id), fake_plane.Handshake(transport.id, b"\x16"))
    assert owner.lost == ["consent expired"]


def test_the_peers_farewell_ends_it(house: House, owner: Owner, transport: Transport) -> None:
    certificate = Certificate.generate()
    house.forwarders[0].connect(transport, remote(certificate), house.now)
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    peer = Peer(house, transport, certificate)
    peer.shake()
    for datagram in peer.handshake.close():
        house.report(fake_plane.Handshake(transport.id, datagram))
    assert owner.lost == ["the peer has closed"]


def test_whoever_drops_it_is_not_told(house: House, owner: Owner, transport: Transport) -> None:
    house.forwarders[0].drop_transport(transport, "replaced", house.now)
    assert transport.state is State.CLOSED
    assert house.worker.named("close_transport") == [(transport.id,)]
    assert owner.lost == []
    house.forwarders[0].drop_transport(transport, "again", house.now)
    assert transport.why == "replaced"


@pytest.mark.parametrize("datagram", [b"", b"\x00", b"\x16" * 1200, bytes(range(256))])
def test_rubbish_does_not_hurt(house: House, transport: Transport, datagram: bytes) -> None:
    house.forwarders[0].connect(transport, remote(Certificate.generate()), house.now)
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:5000"))
    for _ in range(50):
        house.report(fake_plane.Handshake(transport.id, datagram))
    assert transport.state in (State.SECURING, State.CLOSED)
