"""The `sfu` command."""
