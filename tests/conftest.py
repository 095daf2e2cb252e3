"""Fixtures for every test: a real Valkey (``valkey_server``, ``redis_url``, ``redis_client``), a real media worker."""

from hypothesis import settings

# A property is no slower because the machine has other things to do: pytest's timeout ends what hangs.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Tests have one name in all processes: long texts, which may be drawn anew at each start, are not part of it."""
    return argname if isinstance(val, str | bytes) and len(val) > _LONGEST_ID else None


_LONGEST_ID = 30

pytest_plugins = [
    "tests.patience",
    "tests.valkey_fixture",
    "tests.signalling.real_worker",
    "tests.signalling.real_companion",
    "tests.signalling.meeting_people",
]
