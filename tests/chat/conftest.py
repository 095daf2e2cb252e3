"""Fixtures of conversations on real data servers."""

from tests.chat.stores import committer, redis, server, store

__all__ = ["committer", "redis", "server", "store"]
