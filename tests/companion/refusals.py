"""What a rule says no with."""

from collections.abc import Callable

from companion.errors import Problem


def refusal(check: Callable[[], object]) -> Problem | None:
    """The problem that ``check`` raises; None when it does not mind."""
    try:
        check()
    except Problem as problem:
        return problem
    return None


def code(check: Callable[[], object]) -> str | None:
    """The code of that problem."""
    problem = refusal(check)
    return None if problem is None else problem.code
