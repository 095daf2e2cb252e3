"""Who in health care may read what others have written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.blocks import (
    Block,
    CareRelation,
    Consent,
    EmergencyAccess,
    Lifting,
    Period,
    Place,
    Reader,
    Situation,
    access,
    check_access,
    check_block_wish,
    check_close,
    check_consent_period,
    check_lift,
    check_not_ended,
    check_reason,
    check_review,
    check_until,
    emergency_period,
    review_due_at,
    sift,
)

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HERE, NEXT_DOOR, ELSEWHERE = Place("P1", "U1"), Place("P1", "U2"), Place("P2", "U3")
DOCTOR = Reader("SE1-K1", HERE)
AROUND = Period(NOW - DAY, NOW + DAY)
TREATED = Situation(relations=(CareRelation(HERE, AROUND),))
AGREED = replace(TREATED, consents=(Consent("P1", AROUND),))
OUTER, INNER = Block("P2", None, NOW - DAY), Block("P1", "U2", NOW - DAY)
OPENED = EmergencyAccess(DOCTOR.hsa_id, HERE, "P2", Period(NOW, NOW + timedelta(hours=4)))
OPENED_ALL = replace(OPENED, data_provider_hsa_id=None)
LIFTED = Lifting(HERE, AROUND)


def code(call: object, *arguments: object, **named: object) -> str:
    with pytest.raises(Problem) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "situation", "basis", "hindrance"),
    [
        (HERE, Situation(), "own_unit", None),
        (HERE, Situation(blocks=(Block("P1", "U1", NOW), Block("P1", None, NOW))), "own_unit", None),
        (NEXT_DOOR, Situation(), None, "no_care_relation"),
        (NEXT_DOOR, TREATED, "own_provider", None),
        (NEXT_DOOR, replace(TREATED, blocks=(INNER,)), None, "blocked"),
        (NEXT_DOOR, replace(TREATED, blocks=(Block("P1", None, NOW),)), "own_provider", None),
        (ELSEWHERE, Situation(), None, "no_care_relation"),
        (ELSEWHERE, TREATED, None, "no_consent"),
        (ELSEWHERE, AGREED, "consent", None),
        (ELSEWHERE, replace(AGREED, relations=()), None, "no_care_relation"),
        (ELSEWHERE, replace(AGREED, blocks=(OUTER,)), None, "blocked"),
        (ELSEWHERE, replace(AGREED, blocks=(Block("P2", "U3", NOW),)), None, "blocked"),
        (ELSEWHERE, replace(AGREED, blocks=(Block("P2", "U4", NOW),)), "consent", None),
        (ELSEWHERE, replace(AGREED, blocks=(OUTER,), emergencies=(OPENED,)), "emergency", None),
        (ELSEWHERE, Situation(emergencies=(OPENED,)), "emergency", None),
        (NEXT_DOOR, replace(TREATED, blocks=(INNER,), emergencies=(OPENED,)), None, "blocked"),
        (NEXT_DOOR, replace(TREATED, blocks=(INNER,), emergencies=(OPENED_ALL,)), "emergency", None),
        (ELSEWHERE, Situation(emergencies=(OPENED_ALL,)), "emergency", None),
        (NEXT_DOOR, replace(TREATED, blocks=(INNER,), liftings=(LIFTED,)), "own_provider", None),
        (NEXT_DOOR, Situation(blocks=(INNER,), liftings=(LIFTED,)), None, "no_care_relation"),
        (ELSEWHERE, replace(AGREED, blocks=(OUTER,), liftings=(LIFTED,)), "consent", None),
        (ELSEWHERE, replace(TREATED, blocks=(OUTER,), liftings=(LIFTED,)), None, "no_consent"),
        (ELSEWHERE, replace(AGREED, blocks=(OUTER,), liftings=(Lifting(NEXT_DOOR, AROUND),)), None, "blocked"),
        (ELSEWHERE, replace(AGREED, blocks=(OUTER,), liftings=(Lifting(HERE, AROUND, NOW),)), None, "blocked"),
        (
            ELSEWHERE,
            replace(AGREED, blocks=(OUTER,), liftings=(Lifting(HERE, Period(NOW - DAY, NOW)),)),
            None,
            "blocked",
        ),
    ],
)
def test_the_table_of_cases(data: Place, situation: Situation, basis: str | None, hindrance: str | None) -> None:
    decided = access(DOCTOR, data, situation, NOW)
    assert (decided.basis, decided.hindrance) == (basis, hindrance)
    if hindrance:
        assert code(check_access, DOCTOR, data, situation, NOW) == hindrance
    else:
        assert check_access(DOCTOR, data, situation, NOW) == basis


def test_an_own_unit_is_one_of_the_own_provider() -> None:
    """Equal unit ids under two providers are two units."""
    assert access(DOCTOR, Place("P2", "U1"), Situation(), NOW).hindrance == "no_care_relation"


@pytest.mark.parametrize(
    "situation",
    [
        replace(AGREED, blocks=(replace(OUTER, lifted_at=NOW),)),
        replace(AGREED, blocks=(replace(OUTER, since=NOW + timedelta(seconds=1)),)),
    ],
)
def test_a_block_counts_from_its_day_until_it_is_lifted(situation: Situation) -> None:
    assert access(DOCTOR, ELSEWHERE, situation, NOW)
    assert not access(DOCTOR, ELSEWHERE, replace(AGREED, blocks=(replace(OUTER, lifted_at=NOW + DAY),)), NOW)


@pytest.mark.parametrize(
    "consent",
    [
        Consent("P1", Period(NOW - DAY, NOW)),
        Consent("P1", Period(NOW + timedelta(seconds=1), NOW + DAY)),
        Consent("P1", AROUND, withdrawn_at=NOW),
        Consent("P3", AROUND),
    ],
)
def test_a_consent_counts_for_whom_and_when_it_was_given(consent: Consent) -> None:
    assert access(DOCTOR, ELSEWHERE, replace(TREATED, consents=(consent,)), NOW).hindrance == "no_consent"


@pytest.mark.parametrize(
    ("reader", "emergency", "now"),
    [
        (Reader("SE1-K2", HERE), OPENED, NOW),
        (Reader(DOCTOR.hsa_id, NEXT_DOOR), OPENED, NOW),
        (DOCTOR, replace(OPENED, data_provider_hsa_id="P3"), NOW),
        (DOCTOR, OPENED, NOW + timedelta(hours=4)),
        (DOCTOR, OPENED, NOW - timedelta(seconds=1)),
        (DOCTOR, replace(OPENED, closed_at=NOW), NOW),
    ],
)
def test_an_emergency_access_opens_nothing_else(reader: Reader, emergency: EmergencyAccess, now: datetime) -> None:
    assert not access(reader, ELSEWHERE, Situation(emergencies=(emergency,)), now)


places = st.builds(Place, st.sampled_from(["P1", "P2"]), st.sampled_from(["U1", "U2", "U3"]))
instants = st.integers(-5, 5).map(lambda hours: NOW + timedelta(hours=hours))
periods = st.builds(Period, instants, instants)
situations = st.builds(
    Situation,
    st.lists(
        st.builds(
            Block, st.sampled_from(["P1", "P2"]), st.sampled_from([None, "U1", "U2"]), instants, st.none() | instants
        ),
        max_size=3,
    ).map(tuple),
    st.lists(st.builds(Consent, st.sampled_from(["P1", "P2"]), periods, st.none() | instants), max_size=2).map(tuple),
    st.lists(st.builds(CareRelation, places, periods), max_size=2).map(tuple),
    st.just(()),
    st.lists(st.builds(Lifting, places, periods, st.none() | instants), max_size=2).map(tuple),
)


@given(places, places, situations)
def test_without_emergency_nobody_reads_what_a_standing_block_hides(
    reader: Place, data: Place, situation: Situation
) -> None:
    decided = access(Reader("K", reader), data, situation, NOW)
    is_lifted = any(one.is_in_force(reader, NOW) for one in situation.liftings)
    if not is_lifted and any(block.hides(data, reader, NOW) for block in situation.blocks):
        assert not decided
    if decided and reader.provider_hsa_id != data.provider_hsa_id:
        assert any(
            one.is_in_force(NOW) and one.reader_provider_hsa_id == reader.provider_hsa_id for one in situation.consents
        )
    assert (decided.basis is None) != (decided.hindrance is None)


@given(places, places, situations, st.builds(Block, st.just("P1"), st.sampled_from([None, "U1"]), st.just(NOW)))
def test_another_block_never_opens_anything(reader: Place, data: Place, situation: Situation, more: Block) -> None:
    tighter = replace(situation, blocks=(*situation.blocks, more))
    if access(Reader("K", reader), data, tighter, NOW):
        assert access(Reader("K", reader), data, situation, NOW)


def test_a_list_tells_that_something_is_blocked_but_not_what() -> None:
    situation = replace(AGREED, blocks=(OUTER,))
    assert sift([HERE, ELSEWHERE], lambda one: one, DOCTOR, situation, NOW) == ([(HERE, "own_unit")], True)
    assert sift([HERE, ELSEWHERE], lambda one: one, DOCTOR, TREATED, NOW) == ([(HERE, "own_unit")], False)


def test_without_a_care_relation_a_list_does_not_even_tell_that() -> None:
    assert sift([ELSEWHERE], lambda one: one, DOCTOR, Situation(blocks=(OUTER,)), NOW) == ([], False)


def test_a_consent_has_an_end_within_the_longest_period() -> None:
    check_consent_period(Period(NOW, NOW + 365 * DAY), NOW, 365)
    for period in (
        Period(NOW - DAY, NOW + DAY),
        Period(NOW, NOW),
        Period(NOW + DAY, NOW),
        Period(NOW, NOW + 366 * DAY),
    ):
        assert code(check_consent_period, period, NOW, 365) == "consent_period"


@pytest.mark.parametrize("text", ["", "   akut    ", "x" * 1001])
def test_an_emergency_access_needs_a_reason_in_words(text: str) -> None:
    assert code(emergency_period, text, NOW, 4) == "emergency_reason"


def test_an_emergency_access_is_short_and_reviewed_by_somebody_else() -> None:
    period = emergency_period("Medvetslös, okända allergier", NOW, 4)
    assert period == Period(NOW, NOW + timedelta(hours=4))
    assert review_due_at(period, 7) == NOW + 7 * DAY
    check_review(opened_by="K1", reviewer="K2", verdict=None)
    assert code(check_review, opened_by="K1", reviewer="K1", verdict=None) == "review_by_another"
    assert code(check_review, opened_by="K1", reviewer="K2", verdict="justified") == "emergency_state"


def test_what_is_over_is_not_closed_nor_lifted_again() -> None:
    check_close(OPENED.period, None, NOW)
    assert code(check_close, OPENED.period, NOW, NOW) == "emergency_state"
    assert code(check_close, OPENED.period, None, NOW + DAY) == "emergency_state"
    check_lift(None)
    assert code(check_lift, NOW) == "block_state"


def test_what_staff_do_for_the_patient_is_the_patients_wish_and_has_a_reason() -> None:
    check_block_wish("patient")
    assert code(check_block_wish, "guardian") == "guardian_cannot_block"
    check_reason("Bad om det vid besöket")
    assert code(check_reason, "  kort   ") == "reason_missing"
    assert code(check_reason, "x" * 1001) == "reason_missing"


def test_what_begins_now_ends_in_time() -> None:
    check_until(NOW + DAY, NOW, DAY)
    for ends_at in (NOW, NOW - DAY, NOW + DAY + timedelta(seconds=1)):
        assert code(check_until, ends_at, NOW, DAY) == "access_period"
    check_not_ended(None)
    assert code(check_not_ended, NOW) == "access_state"


@given(places, places, situations, st.none() | st.sampled_from(["P1", "P2"]))
def test_an_emergency_access_only_adds(reader: Place, data: Place, situation: Situation, provider: str | None) -> None:
    """It opens what it names to its opener, and closes nothing; to a colleague it changes nothing."""
    before = access(Reader("K", reader), data, situation, NOW)
    one = EmergencyAccess("K", reader, provider, Period(NOW, NOW + DAY))
    after = access(Reader("K", reader), data, replace(situation, emergencies=(one,)), NOW)
    names_it = provider in (None, data.provider_hsa_id)
    assert after == (before if before or not names_it else type(before)(basis="emergency"))
    colleague = access(Reader("L", reader), data, replace(situation, emergencies=(one,)), NOW)
    assert colleague == access(Reader("L", reader), data, situation, NOW)
