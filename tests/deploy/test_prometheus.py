"""A real Prometheus scrapes a real server under load: every query and every alert finds its data.

Of `make test`, and of `make test-deploy` alone; `PLOT=file.png` draws what the dashboard shows.
"""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from sfu.bench._load import Engine
from sfu.bench.clients import Clients
from sfu.bench.daemon import Daemon
from sfu.bench.endpoints import Endpoints
from sfu.bench.process import free_port
from sfu.bench.shape import Shape

pytestmark = pytest.mark.long

Seen = TypeVar("Seen")

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/open-sfu.rules.yml"
DASHBOARD = json.loads((ROOT / "deploy/grafana/open-sfu.json").read_text())

ATTENDEES = 12
SECONDS = 14.0
"""Enough for a rate over RANGE."""
RANGE = "5s"

UNSEEN = {"sfu_certificate_end_seconds"}
"""What a server without TLS does not have; `tests/sfu/test_metrics.py` sees it."""


def program(name: str) -> str:
    """Where it is; the test fails without it."""
    found = shutil.which(name)
    assert found, f"{name} is missing. Debian: apt-get install prometheus"
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Name and expression of each query of the dashboard, and of each alert without threshold."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", RANGE)
            expression = expression.replace("$job", "sfu").replace("$instance", ".*")
            yield f"{panel['title']}: {target['legendFormat']}", expression
    text = RULES.read_text()
    for name, expression in re.findall(r"- alert: (\w+)\n +expr: (.+)", text):
        yield name, re.sub(r" [<>] [\d.]+", "", re.sub(r"\[\d+m\]", f"[{RANGE}]", expression))


QUERIES = list(queries())


def test_rules_are_rules_and_fire() -> None:
    for arguments in (
        ["check", "rules", str(RULES)],
        ["check", "config", str(ROOT / "deploy/prometheus/prometheus.yml")],
        ["test", "rules", str(ROOT / "tests/deploy/alerts.yml")],
    ):
        done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    names = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    tested = (ROOT / "tests/deploy/alerts.yml").read_text()
    assert names == set(re.findall(r'alertname="(\w+)"', tested))


def test_every_query_finds_data(tmp_path: Path) -> None:
    settings = {"SFU_TENANTS__DEV__WEBHOOK_URL": "http://127.0.0.1:9/"}
    with Daemon(None, settings) as daemon:
        url = f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        prometheus = start(tmp_path, url.removeprefix("http://"), daemon.port)
        try:
            empty, scraped = asyncio.run(under_load(daemon, lambda: look(url)))
        finally:
            prometheus.kill()
            prometheus.wait()
    assert empty == []
    shown = set(re.findall(r"\b(?:sfu|process)_\w+", " ".join(query for _, query in QUERIES)))
    assert shown - UNSEEN <= scraped


def absent(query: str) -> bool:
    return any(name in query for name in UNSEEN)


def start(folder: Path, address: str, port: int) -> "subprocess.Popen[bytes]":
    """Prometheus with our own configuration, but for how often and whom it asks."""
    text = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    text = text.replace("15s", "1s").replace("localhost:7800", f"127.0.0.1:{port}")
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(RULES, folder)
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )


def look(url: str) -> tuple[list[str], set[str]]:
    """The queries that find nothing, and the metrics that were scraped."""
    empty = [name for name, query in QUERIES if not (ask(url, query) or absent(query))]
    if plot := os.environ.get("PLOT"):
        draw(url, plot)
    return empty, {each["metric"]["__name__"] for each in ask(url, '{job="sfu"}')}


async def under_load(daemon: Daemon, look: Callable[[], Seen]) -> Seen:
    """A presenter and some attendees, and a look when Prometheus has seen enough of them."""
    engine = Engine()
    try:
        async with (
            Endpoints(engine) as endpoints,
            Clients(daemon.signaling_url, "hall", endpoints) as clients,
        ):
            await clients.add_presenter(0, Shape(ATTENDEES, fps=15))
            await asyncio.gather(*(clients.add_attendee(number) for number in range(ATTENDEES)))
            await asyncio.sleep(SECONDS)
            return await asyncio.to_thread(look)
    finally:
        engine.stop()


def ask(url: str, query: str, **span: float) -> list[dict[str, Any]]:
    """The result, of a moment or of a span."""
    path = "query_range" if span else "query"
    answer = httpx.get(f"{url}/api/v1/{path}", params={"query": query, **span}).json()
    assert answer["status"] == "success", (query, answer)
    return [
        each
        for each in answer["data"]["result"]
        if span or float(each["value"][1]) == float(each["value"][1])  # NaN is no data
    ]


def draw(url: str, path: str) -> None:
    """The panels of the dashboard with their queries' data, for people to look at."""
    from matplotlib import pyplot

    panels = [panel for panel in DASHBOARD["panels"] if "targets" in panel]
    now = time.time()
    figure, axes = pyplot.subplots(-(-len(panels) // 4), 4, figsize=(22, 26))
    for panel, axis in zip(panels, axes.flat, strict=False):
        axis.set_title(f"{panel['title']} ({panel['fieldConfig']['defaults']['unit']})", fontsize=9)
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", RANGE)
            query = query.replace("$job", "sfu").replace("$instance", ".*")
            for series in ask(url, query, start=now - SECONDS - 5, end=now, step=1):
                points = [(at - now, float(value)) for at, value in series["values"]]
                label = target["legendFormat"]
                for name, text in series["metric"].items():
                    label = label.replace("{{" + name + "}}", text)
                axis.plot(*zip(*points, strict=True), label=label)
        if axis.lines:
            axis.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=60)


@pytest.mark.parametrize("field", ["title", "uid", "schemaVersion", "templating", "panels"])
def test_the_dashboard_is_one(field: str) -> None:
    assert DASHBOARD[field]
