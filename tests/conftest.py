"""Fixtures for every test: a real Valkey (``valkey_server``, ``redis_url``, ``redis_client``), a real media worker."""

from hypothesis import settings

# A property is no slower because the machine has other things to do: pytest's timeout ends what hangs.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

pytest_plugins = [
    "tests.valkey_fixture",
    "tests.signalling.real_worker",
    "tests.signalling.real_companion",
    "tests.signalling.meeting_people",
]
