"""Fixtures for every test: a real Valkey (``valkey_server``, ``redis_url``, ``redis_client``)."""

pytest_plugins = ["tests.valkey_fixture"]
