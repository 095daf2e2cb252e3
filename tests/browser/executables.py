"""Where the browsers are, or a clear word on what to do when there are none."""

import os
import shutil

import pytest

NAMES = {
    "ALLTID_CHROMIUM": ("chromium", "chromium-browser", "google-chrome"),
    "ALLTID_FIREFOX": ("firefox-esr", "firefox"),
}


def find_browser(variable: str) -> str:
    """The path of a browser: what the environment variable names, else the first of the usual names."""
    if os.environ.get("ALLTID_BROWSERS") == "skip":
        pytest.skip("ALLTID_BROWSERS=skip")
    chosen = os.environ.get(variable)
    for name in (chosen,) if chosen else NAMES[variable]:
        path = shutil.which(name)
        if path:
            return path
    return pytest.fail(
        f"no {NAMES[variable][0]} found: install it (apt-get install {NAMES[variable][0]}), "
        f"name it by {variable}=/path, or skip these tests by ALLTID_BROWSERS=skip",
        pytrace=False,
    )
