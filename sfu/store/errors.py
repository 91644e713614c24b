"""What can go wrong with the store."""

from sfu.errors import SfuError


class StoreError(SfuError):
    """The store cannot be opened, read or written; nothing of the commit has been done."""


class StoreOverloaded(StoreError):
    """So many commits wait already that no more are taken."""
