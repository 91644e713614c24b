"""`load` reads and checks the settings, `Settings` holds them, `ConfigError` says what is wrong."""

from sfu.config.load import DEV_SECRET, DEV_TENANT, load
from sfu.config.problem import ConfigError, Problem
from sfu.config.schema import (
    SLOTS,
    LimitSettings,
    LogSettings,
    MediaSettings,
    RoomSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TenantSettings,
    TurnSettings,
    too_many_slots,
)

__all__ = [
    "DEV_SECRET",
    "DEV_TENANT",
    "SLOTS",
    "ConfigError",
    "LimitSettings",
    "LogSettings",
    "MediaSettings",
    "Problem",
    "RoomSettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TenantSettings",
    "TurnSettings",
    "load",
    "too_many_slots",
]
