"""Logging of the front: the same as in every process (``sfu/logs.py``)."""

from sfu.logs import configure, place_of

__all__ = ["configure", "place_of"]
