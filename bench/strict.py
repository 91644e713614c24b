"""`python -m sfu` to which only 127.0.0.1 is this machine: whoever comes from 127.0.0.2 is held to
the limits per address, as from anywhere else."""

from unittest.mock import patch

from sfu.__main__ import main
from sfu.signaling.limits import Addresses

if __name__ == "__main__":
    with patch.object(Addresses, "exempt", lambda _, address: address == "127.0.0.1"):
        main()
