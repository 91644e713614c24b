"""Measurements: synthetic presenters and attendees, and the floor that a server is held against."""
