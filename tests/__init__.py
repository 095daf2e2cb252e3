"""Tests mirror the source: ``tests/rtc/test_stun.py`` tests ``rtc/stun.py``."""
