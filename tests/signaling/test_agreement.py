"""Our candidates."""

import dataclasses

from sfu.signaling.agreement import candidates
from tests.signaling.descriptions import LOCAL


def test_tcp_is_offered_behind_udp() -> None:
    lines = candidates(dataclasses.replace(LOCAL, tcp=True))
    assert [line.split()[2] for line in lines] == ["udp", "udp", "tcp", "tcp"]
    assert lines[2] == "3 1 tcp 1520435199 127.0.0.1 7801 typ host tcptype passive"
    priorities = [int(line.split()[3]) for line in lines]
    assert priorities == sorted(priorities, reverse=True)
    assert len({line.split()[0] for line in lines}) == 4
    assert candidates(LOCAL) == lines[:2]
