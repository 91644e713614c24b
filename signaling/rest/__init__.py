"""REST for backends, under /v1: rooms, tokens, participants, messages, usage.

Every request names its tenant and secret (`gate`), sees that tenant's rooms
only, and gets its answer when what it has changed is durable. Errors are
problem documents (`problems`). The served OpenAPI is the reference.
"""
