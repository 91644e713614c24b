"""The daemon as an operator starts it, with a tenant, a store that lasts and a backend to tell."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
TENANT = "shop"
SECRET = "a-secret-of-the-shop-of-32-bytes-and-more"


class Daemon:
    """`sfu serve` on the ports given, or what takes the same words as `sfu`; can be started again
    after its end."""

    def __init__(
        self,
        folder: Path,
        http: int,
        udp: int,
        webhook_url: str,
        redis_url: str = "",
        program: str = "sfu",
    ) -> None:
        self._program = program
        self.host = f"127.0.0.1:{http}"
        self.log = folder / "daemon.log"
        self.store = folder / "sfu.sqlite"
        self._process: asyncio.subprocess.Process | None = None
        prefix = f"SFU_TENANTS__{TENANT.upper()}__"
        self._environ = {
            **os.environ,
            "SFU_SERVER__HOST": "127.0.0.1",
            "SFU_SERVER__PORT": str(http),
            "SFU_SERVER__DRAIN_TIMEOUT": "1s",
            "SFU_MEDIA__UDP_PORT": str(udp),
            "SFU_STORE__PATH": str(self.store),
            "SFU_STORE__URL": redis_url,
            # A guest whose socket breaks has left: that is what the visits note.
            "SFU_LIMITS__RESUME_TIMEOUT": "0s",
            f"{prefix}SECRET": SECRET,
            f"{prefix}WEBHOOK_URL": webhook_url,
            f"{prefix}PARALLEL_EVENTS": "unlimited",
            f"{prefix}MAX_ROOMS": "unlimited",
        }

    async def start(self) -> None:
        """Begins; who needs it ready waits for that."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._program,
                "serve",
                cwd=ROOT,
                env=self._environ,
                stderr=log,
            )

    async def ready(self) -> None:
        """Returns when it takes joins. Raises TimeoutError after 20 seconds."""
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"http://{self.host}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """At once, with no last word."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """In good order; gives the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            return await self._process.wait()
