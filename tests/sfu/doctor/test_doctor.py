import ast
import errno
import resource
import socket
from pathlib import Path

import pytest

from sfu.config import Settings, load
from sfu.doctor import host
from sfu.doctor.finding import Level


def settings(**environ: str) -> Settings:
    return load(None, {f"SFU_{name}": value for name, value in environ.items()})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_ports_that_are_free_and_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = settings(SERVER__HOST="127.0.0.1", SERVER__PORT=str(server.getsockname()[1]))
        finding = host.tcp_port(taken)
        assert finding.level is Level.BAD
        assert "server.port" in finding.remedy
    assert host.tcp_port(taken).level is Level.GOOD


def test_udp_ports_of_each_worker() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        first = int(other.getsockname()[1]) - 1
        media = settings(MEDIA__HOST="127.0.0.1", MEDIA__UDP_PORT=str(first), MEDIA__WORKERS="2")
        assert host.udp_port(media, 1).level is Level.BAD
    assert host.udp_port(media, 1).level is Level.GOOD


def test_tcp_ports_of_media() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        first = int(other.getsockname()[1]) - 1
        numbers = {"MEDIA__UDP_PORT": str(first), "MEDIA__WORKERS": "2", "SERVER__PORT": "0"}
        media = settings(MEDIA__HOST="127.0.0.1", **numbers)
        finding = host.media_tcp_port(media, 1)
        assert (finding.level, finding.subject) == (Level.BAD, f"TCP port {first + 1}")
        assert "media.tcp = false" in finding.remedy
        taken = {each.subject for each in host.examine(media, dev=True) if each.level == "bad"}
        assert finding.subject in taken
        without = settings(MEDIA__HOST="127.0.0.1", MEDIA__TCP="false", **numbers)
        taken = {each.subject for each in host.examine(without, dev=True) if each.level == "bad"}
        assert finding.subject not in taken
    assert host.media_tcp_port(media, 1).level is Level.GOOD


def test_a_media_port_that_is_the_servers() -> None:
    port = str(free_port())
    same = settings(SERVER__PORT=port, MEDIA__UDP_PORT=port)
    assert "server.port" in host.media_tcp_port(same, 0).detail
    apart = {"SERVER__HOST": "127.0.0.1", "MEDIA__HOST": "127.0.0.2"}
    assert host.media_tcp_port(settings(SERVER__PORT=port, MEDIA__UDP_PORT=port, **apart), 0) == (
        host.media_tcp_port(settings(SERVER__PORT="0", MEDIA__UDP_PORT=port, **apart), 0)
    )


def test_ports_that_the_system_chooses() -> None:
    chosen = settings(SERVER__PORT="0", MEDIA__UDP_PORT="0")
    assert host.tcp_port(chosen).level is Level.GOOD
    assert host.udp_port(chosen, 3).level is Level.GOOD
    assert host.media_tcp_port(chosen, 3).level is Level.GOOD


def test_a_host_that_is_not_here() -> None:
    finding = host.tcp_port(settings(SERVER__HOST="203.0.113.1", SERVER__PORT=str(free_port())))
    assert finding.level is Level.BAD


def test_a_port_that_takes_a_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has port 443 in the settings has the right from the unit, not in a shell."""

    def bind(_: socket.socket, __: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind, raising=False)
    finding = host.tcp_port(settings(SERVER__PORT="443"))
    assert finding.level is Level.BAD
    assert finding.remedy == (
        "set server.port, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"
    )


def test_kernel_buffers(tmp_path: Path) -> None:
    (tmp_path / "rmem_max").write_text("212992\n")
    finding = host.buffers(settings(), "rmem_max", tmp_path)
    assert finding.level is Level.DOUBTFUL
    assert finding.remedy.startswith("sysctl -w net.core.rmem_max=4194304; to stay: ")
    (tmp_path / "rmem_max").write_text("4194304\n")
    assert host.buffers(settings(), "rmem_max", tmp_path).level is Level.GOOD
    unknown = host.buffers(settings(), "absent", tmp_path)
    assert (unknown.level, bool(unknown.remedy)) == (Level.DOUBTFUL, True)


def test_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    finding = host.descriptors(settings())
    assert finding.level is Level.DOUBTFUL
    assert "LimitNOFILE=28200" in finding.remedy
    assert (
        host.descriptors(settings(LIMITS__SOCKETS="500", LIMITS__CONNECTIONS="300")).level
        is Level.GOOD
    )


def test_addresses() -> None:
    private = settings(MEDIA__ANNOUNCED_ADDRESSES="10.0.0.1")
    assert host.addresses(private, dev=False).level is Level.DOUBTFUL
    assert host.addresses(private, dev=True).level is Level.GOOD
    public = settings(MEDIA__ANNOUNCED_ADDRESSES="10.0.0.1,1.1.1.1")
    assert host.addresses(public, dev=False).level is Level.GOOD


def test_tenants() -> None:
    assert [each.level for each in host.tenants(settings())] == [Level.DOUBTFUL]
    short, long = settings(TENANTS__A__SECRET="short"), settings(TENANTS__A__SECRET="x" * 32)
    assert [each.level for each in host.tenants(short)] == [Level.DOUBTFUL]
    assert [each.level for each in host.tenants(long)] == [Level.GOOD]
    assert all("short" not in each.detail for each in host.tenants(short))


def test_pages_without_tls() -> None:
    pages = {"SERVER__ALLOWED_ORIGINS": "http://a.example"}
    assert not list(host.origins(settings(**pages)))
    secure = {"SERVER__CERTIFICATE": "a", "SERVER__KEY": "b"}
    (finding,) = host.origins(settings(**pages, **secure))
    assert "http://a.example" in finding.detail


def test_everything_bad_has_a_remedy() -> None:
    findings = list(host.examine(settings(SERVER__PORT="0", MEDIA__UDP_PORT="0"), dev=False))
    assert len(findings) >= 10
    assert [each for each in findings if each.level is not Level.GOOD and not each.remedy] == []


@pytest.mark.parametrize(
    "source", ["doctor/host.py", "doctor/surroundings.py", "doctor/server.py", "client/doctor.py"]
)
def test_no_finding_is_written_without_one(source: str) -> None:
    """Of what no host of ours shows, too."""
    tree = ast.parse((Path(host.__file__).parents[1] / source).read_text())
    made = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding"
    ]
    assert made
    assert [
        ast.unparse(node)
        for node in made
        if len(node.args) < 4 and ast.unparse(node.args[0]) != "Level.GOOD"
    ] == []
