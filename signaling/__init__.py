"""Signaling: messages, sessions, descriptions, tokens, HTTP and sockets."""
