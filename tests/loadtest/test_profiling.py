"""Samples of a profiler are grouped by what the whole stack is in, not only by its innermost function."""

from loadtest.profiling import group_samples

SCRIPT = """
    ffffffff8 _copy_from_iter ([kernel.kallsyms])
    ffffffff9 __x64_sys_sendmmsg ([kernel.kallsyms])
    7fff sendmmsg (/usr/lib/x86_64-linux-gnu/libc.so.6)
    7fff forward (/srv/sfu/walk.cpython-311-x86_64-linux-gnu.so)

    ffffffff8 kmem_cache_free ([kernel.kallsyms])
    ffffffff9 __sys_recvmmsg ([kernel.kallsyms])


    7fff gcm_encrypt (/lib/pylibsrtp/_binding.abi3.so)
    7fff forward (/srv/sfu/walk.cpython-311-x86_64-linux-gnu.so)

    7fff forward (/srv/sfu/walk.cpython-311-x86_64-linux-gnu.so)

    7fff _PyEval_EvalFrameDefault (/usr/bin/python3.11)

    ffffffff8 finish_task_switch ([kernel.kallsyms])
"""


def test_each_stack_counts_once_for_its_group() -> None:
    assert group_samples(SCRIPT) == {
        "kernel: send": 1,
        "kernel: receive": 1,
        "crypto": 1,
        "walk": 1,
        "python": 1,
        "kernel: other": 1,
    }
