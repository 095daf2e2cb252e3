"""Retries and the circuit breaker, on a virtual clock with seeded jitter."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from signalling.companion_policy import BreakerPolicy, BreakerState, CircuitBreaker, Permit, RetryPolicy

POLICY = BreakerPolicy(window=10, window_s=10.0, min_results=4, failure_share=0.5, open_s=1.0, max_open_s=4.0)


def breaker() -> CircuitBreaker:
    return CircuitBreaker(POLICY, Random(1))


def permit_of(circuit: CircuitBreaker, now: float) -> Permit:
    permit = circuit.acquire(now)
    assert permit is not None
    return permit


def opened(now: float = 0.0) -> CircuitBreaker:
    circuit = breaker()
    for _ in range(POLICY.min_results):
        circuit.record(permit_of(circuit, now), False, now)
    assert circuit.state(now) is BreakerState.OPEN
    return circuit


@given(st.integers(1, 30), st.integers())
def test_pauses_stay_below_a_limit_that_doubles(attempt: int, seed: int) -> None:
    policy = RetryPolicy(base_s=0.1, cap_s=1.0)
    assert 0 <= policy.pause_s(attempt, Random(seed)) <= min(1.0, 0.1 * 2 ** (attempt - 1))


def test_pauses_of_two_fronts_differ() -> None:
    policy = RetryPolicy()
    pauses = {round(policy.pause_s(2, Random(seed)), 6) for seed in range(50)}
    assert len(pauses) > 40


def test_the_companions_own_wish_is_a_lower_limit() -> None:
    assert RetryPolicy(cap_s=1.0).pause_s(1, Random(1), 2.5) == 2.5


def test_no_retry_beyond_the_attempts_or_the_deadline() -> None:
    policy = RetryPolicy(attempts=3, total_s=3.0)
    assert policy.may_retry(2, 0.5, 2.0)
    assert not policy.may_retry(3, 0.0, 0.0)
    assert not policy.may_retry(1, 0.5, 2.5)


def test_few_failures_leave_the_circuit_closed() -> None:
    circuit = breaker()
    for _ in range(POLICY.min_results - 1):
        circuit.record(permit_of(circuit, 0.0), False, 0.0)
    assert circuit.state(0.0) is BreakerState.CLOSED


def test_a_failing_share_opens_it_even_between_successes() -> None:
    circuit = breaker()
    for ok in (True, False, True):
        circuit.record(permit_of(circuit, 0.0), ok, 0.0)
    assert circuit.state(0.0) is BreakerState.CLOSED
    circuit.record(permit_of(circuit, 0.0), False, 0.0)
    assert circuit.acquire(0.5) is None


def test_old_failures_are_forgotten() -> None:
    circuit = breaker()
    for now in (0.0, 5.0, 11.0, 16.0, 22.0):
        circuit.record(permit_of(circuit, now), False, now)
    assert circuit.state(22.0) is BreakerState.CLOSED


def test_one_trial_at_a_time_when_the_pause_is_over() -> None:
    circuit = opened()
    assert circuit.acquire(0.99) is None
    trial = permit_of(circuit, 1.3)
    assert circuit.acquire(1.3) is None
    circuit.record(trial, True, 1.4)
    assert circuit.state(1.4) is BreakerState.CLOSED
    assert circuit.acquire(1.4) is not None
    assert circuit.acquire(1.4) is not None


def test_failed_trials_double_the_pause_up_to_a_limit() -> None:
    circuit, now, pauses = opened(), 0.0, []
    for _ in range(5):
        began = now
        while circuit.state(now) is BreakerState.OPEN:
            now += 0.01
        pauses.append(now - began)
        circuit.record(permit_of(circuit, now), False, now)
    for pause, limit in zip(pauses, (1.0, 2.0, 4.0, 4.0, 4.0), strict=True):
        assert limit <= pause <= limit * 1.25 + 0.02


def test_a_trial_that_was_given_up_makes_room_for_the_next_and_closes_nothing() -> None:
    circuit = opened()
    circuit.abandon(permit_of(circuit, 1.3))
    assert circuit.state(1.3) is BreakerState.HALF_OPEN
    assert circuit.acquire(1.3) is not None


def test_results_from_before_the_opening_do_not_close_it() -> None:
    circuit = breaker()
    slow = permit_of(circuit, 0.0)
    for _ in range(POLICY.min_results):
        circuit.record(permit_of(circuit, 0.0), False, 0.0)
    circuit.record(slow, True, 0.5)
    assert circuit.state(0.5) is BreakerState.OPEN
    trial = permit_of(circuit, 1.3)
    circuit.record(slow, False, 1.3)
    circuit.abandon(slow)
    assert circuit.acquire(1.3) is None
    circuit.record(trial, True, 1.4)
    assert circuit.state(1.4) is BreakerState.CLOSED


@given(st.lists(st.tuples(st.sampled_from(["ask", "ok", "fail", "abandon"]), st.floats(0, 3)), max_size=80))
def test_whatever_happens_an_open_circuit_lets_nobody_through_and_a_trial_stays_alone(
    steps: list[tuple[str, float]],
) -> None:
    circuit, now = breaker(), 0.0
    out: list[Permit] = []
    trial: Permit | None = None
    for step, pause in steps:
        now += pause
        before = circuit.state(now)
        if step == "ask":
            permit = circuit.acquire(now)
            assert before is not BreakerState.OPEN or permit is None
            assert before is not BreakerState.HALF_OPEN or permit is None or trial not in out
            assert before is not BreakerState.CLOSED or permit is not None
            if permit is not None:
                out.append(permit)
                trial = permit if before is BreakerState.HALF_OPEN else None
        elif out:
            permit = out.pop(0)
            if step == "abandon":
                circuit.abandon(permit)
            else:
                circuit.record(permit, step == "ok", now)
    # It always recovers.
    now += POLICY.max_open_s * 1.25 + 1
    for permit in out:
        circuit.abandon(permit)
    permit = permit_of(circuit, now)
    circuit.record(permit, True, now)
    assert circuit.acquire(now) is not None
