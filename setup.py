"""Build of the compiled part: one extension per .pyx file, gcc alone builds it.

``ALLTID_SANITIZE=1`` builds with AddressSanitizer and UndefinedBehaviorSanitizer (``make asan-test``).
Cython's performance hints are errors (``make lint`` sets ``ALLTID_STRICT_HINTS=1``): a hint on the packet
path means a hidden Python call or a hidden grab of the GIL.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SANITIZE = os.environ.get("ALLTID_SANITIZE") == "1"
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unused-parameter", "-fno-strict-aliasing"]
# Cython's generated module tables trip these two; they say nothing of our code.
FLAGS += ["-Wno-missing-field-initializers", "-Wno-sign-compare", "-Wno-cast-function-type"]
if SANITIZE:
    FLAGS += ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
else:
    FLAGS += ["-O3", "-g1"]
LINK = ["-fsanitize=address,undefined"] if SANITIZE else []

extensions = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        extra_compile_args=FLAGS,
        extra_link_args=LINK,
        define_macros=[("_GNU_SOURCE", "1")],
    )
    for package in ("chat", "rtc", "sfu", "signalling", "loadtest")
    for path in sorted(Path(package).glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        nthreads=os.cpu_count() or 1,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "freethreading_compatible": False,
        },
        show_all_warnings=False,
    )
    if extensions
    else [],
)
