"""The timer wheel against a dictionary of due times."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.wheel import TimerWheel

TICK_NS = 250_000
actions = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.integers(0, 9), st.integers(-1000, 20_000)),
        st.tuples(st.just("cancel"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("pass"), st.just(0), st.integers(0, 9000)),
    ),
    max_size=60,
)


@given(actions=actions)
def test_fires_what_is_due_and_nothing_else(actions: list[tuple[str, int, int]]) -> None:
    now = 1000
    wheel = TimerWheel(10, now * TICK_NS)
    due: dict[int, int] = {}
    for action, number, ticks in actions:
        if action == "arm":
            wheel.arm(number, max(now + ticks, 0) * TICK_NS)
            due[number] = now + ticks
        elif action == "cancel":
            wheel.cancel(number)
            due.pop(number, None)
        else:
            now += ticks
            expected = {number for number, at in due.items() if at <= now}
            assert set(wheel.expire(now * TICK_NS)) == expected
            due = {number: at for number, at in due.items() if at > now}


def test_a_timer_beyond_one_round_waits_for_its_round() -> None:
    wheel = TimerWheel(1, 0)
    wheel.arm(0, 5000 * TICK_NS)
    assert wheel.expire(4999 * TICK_NS) == []
    assert wheel.expire(5000 * TICK_NS) == [0]
