"""What can go wrong with the store."""

from sfu.errors import SfuError


class StoreError(SfuError):
    """The store cannot be opened, read or written; nothing of the commit has been done."""


class StoreOverloaded(StoreError):
    """So many commits wait already that no more are taken."""


class StoreTaken(StoreError):
    """Another process has the store, and works with it."""


class StoreLost(StoreError):
    """Another process has taken the store over; nothing of this one is written any more."""
