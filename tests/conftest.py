"""Fixtures for every test: a real Valkey (``valkey_server``, ``redis_url``, ``redis_client``), a real media worker."""

pytest_plugins = ["tests.valkey_fixture", "tests.signalling.real_worker", "tests.signalling.meeting_people"]
