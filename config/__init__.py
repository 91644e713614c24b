"""`load` reads and checks the settings, `Settings` holds them, `ConfigError` says what is wrong."""

from sfu.config.load import DEV_SECRET, DEV_TENANT, load
from sfu.config.problem import ConfigError, Problem
from sfu.config.schema import (
    LimitSettings,
    LogSettings,
    MediaSettings,
    RoomSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TenantSettings,
    TurnSettings,
)

__all__ = [
    "DEV_SECRET",
    "DEV_TENANT",
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
]
