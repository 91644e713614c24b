"""What a service manager is told of the process: sd_notify(3), without its library."""

import os
import socket


def notify(state: str) -> None:
    """Sends a state such as "READY=1"; nobody listens unless `NOTIFY_SOCKET` is set."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace, unix(7)
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.connect(address)
        manager.sendall(state.encode())
