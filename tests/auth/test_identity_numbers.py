"""Identity numbers: what is one, whose it is, how it is written; and that nothing else passes."""

from datetime import date, timedelta
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth.identity_numbers import (
    OIDS,
    IdentityNumber,
    IdentityNumberError,
    IdentityNumberErrorCode,
    IdentitySystem,
    luhn_digit,
    parse,
)

TODAY: Final = date(2026, 11, 23)
LETTERS: Final = "ABCDEFGHJKLMNPRSTUXYZ"


def slow_check_digit(digits: str) -> str:
    """Luhn as in a textbook: the only digit that makes the weighted sum end with 0."""
    for candidate in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(digits + candidate)):
            product = int(digit) * (2 if place % 2 else 1)
            total += product - 9 if product > 9 else product
        if total % 10 == 0:
            return candidate
    raise AssertionError


def refused(text: str, today: date = TODAY, system: IdentitySystem | None = None) -> IdentityNumberErrorCode:
    with pytest.raises(IdentityNumberError) as caught:
        parse(text, today=today, system=system)
    assert not text or text not in str(caught.value)
    return caught.value.code


births = st.dates(min_value=date(1890, 1, 1), max_value=TODAY)
serials = st.integers(1, 999).map(lambda number: f"{number:03}")


@st.composite
def registered(draw: st.DrawFn, offset: int | None = None) -> tuple[str, date, bool]:
    """A valid personnummer or samordningsnummer of twelve digits, its date of birth, and which of the two it is."""
    born = draw(births)
    is_coordination = draw(st.booleans()) if offset is None else offset > 0
    day = born.day + (60 if is_coordination else 0)
    body = f"{born.year:04}{born.month:02}{day:02}{draw(serials)}"
    return body + slow_check_digit(body[2:]), born, is_coordination


@st.composite
def stockholm_reserve(draw: st.DrawFn) -> str:
    body = f"99{draw(st.integers(1900, 2299))}{draw(st.integers(0, 99_999)):05}"
    return body + slow_check_digit(body[4:])


@st.composite
def national_reserve(draw: st.DrawFn) -> tuple[str, date | None]:
    born = draw(st.none() | births.filter(lambda day: day.year >= 1900))
    if born is None:
        number, month, day = draw(st.integers(0, 99)), draw(st.integers(20, 99)), draw(st.integers(40, 59))
        head = f"00{number:02}{month:02}{day:02}"
    else:
        head = f"{born.year // 100 + 3 * draw(st.integers(1, 26)):02}{born:%y%m%d}"
    letters = draw(st.text(LETTERS, min_size=2, max_size=2))
    body = head + letters + draw(st.sampled_from("0123456789" + LETTERS))
    return body + luhn_digit(body), born


# --- numbers that are known from elsewhere ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "system", "value", "birth_date"),
    [
        ("191212121212", "PERSONNUMMER", "191212121212", date(1912, 12, 12)),
        ("19121212-1212", "PERSONNUMMER", "191212121212", date(1912, 12, 12)),
        ("121212+1212", "PERSONNUMMER", "191212121212", date(1912, 12, 12)),
        ("640823-3234", "PERSONNUMMER", "196408233234", date(1964, 8, 23)),
        ("701063-2391", "SAMORDNINGSNUMMER", "197010632391", date(1970, 10, 3)),
        ("991981000010", "STOCKHOLM_RESERVE", "991981000010", None),
        ("991945000023", "STOCKHOLM_RESERVE", "991945000023", None),
        ("991993000032", "STOCKHOLM_RESERVE", "991993000032", None),
        ("22790814AA01", "NATIONAL_RESERVE", "22790814AA01", date(1979, 8, 14)),
        ("22950606-fh20", "NATIONAL_RESERVE", "22950606FH20", date(1995, 6, 6)),
        ("25780404KHD5", "NATIONAL_RESERVE", "25780404KHD5", date(1978, 4, 4)),
        ("98240301AA06", "NATIONAL_RESERVE", "98240301AA06", date(2024, 3, 1)),
        ("00342145-BZ31", "NATIONAL_RESERVE", "00342145BZ31", None),
        ("00749852BZK0", "NATIONAL_RESERVE", "00749852BZK0", None),
    ],
)
def test_published_examples_are_read(text: str, system: str, value: str, birth_date: date | None) -> None:
    assert parse(text, today=TODAY) == IdentityNumber(IdentitySystem[system], value, birth_date)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "format"),
        ("19121212", "format"),
        ("19121212-121", "format"),
        ("19121212+1212x", "format"),
        ("٠٩١٢١٢١٢١٢١٢", "format"),
        ("171212121212", "format"),
        ("211212121212", "format"),
        ("191212120007", "format"),
        ("191213121212", "date"),
        ("191202301212", "date"),
        ("190002291212", "date"),
        ("202611241212", "date"),
        ("191212921212", "date"),
        ("191212121213", "check_digit"),
        ("197010632392", "check_digit"),
        ("991981000011", "check_digit"),
        ("991881000010", "date"),
        ("22790814AA02", "check_digit"),
        ("19790914AA05", "date"),
        ("24790914AA05", "date"),
        ("23790914AA09", "date"),
        ("00790914AA06", "date"),
        ("00792039AA05", "date"),
        ("00792060AA04", "date"),
        ("22790231AA06", "date"),
        ("22790814IA01", "format"),
        ("22790814A101", "format"),
        ("22790814AAAA", "format"),
        ("1" * 1000, "format"),
    ],
)
def test_what_is_no_identity_number_is_refused_by_cause(text: str, code: str) -> None:
    assert refused(text) == code


# --- properties --------------------------------------------------------------------------------------------------


@given(registered(), st.sampled_from(["", "-"]), st.sampled_from(["", " ", "\u00a0 "]))
def test_registered_numbers_are_read_however_they_are_written(
    number: tuple[str, date, bool], hyphen: str, blank: str
) -> None:
    value, born, is_coordination = number
    read = parse(f"{blank}{value[:8]}{hyphen}{value[8:]}{blank}", today=TODAY)
    assert read.value == value
    assert read.birth_date == born
    assert (read.system is IdentitySystem.SAMORDNINGSNUMMER) == is_coordination
    assert parse(read.formatted, today=TODAY) == read


@given(registered())
@example(("192612312385", date(1926, 12, 31), False))
def test_ten_digits_and_the_sign_of_the_year_tell_the_century(number: tuple[str, date, bool]) -> None:
    value, born, _ = number
    sign = "+" if TODAY.year - born.year >= 100 else "-"
    if TODAY.year - born.year < 200:
        assert parse(f"{value[2:8]}{sign}{value[8:]}", today=TODAY).value == value


@given(registered(offset=0), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_never_gives_another_valid_number_of_the_same_kind(
    number: tuple[str, date, bool], place: int, difference: int
) -> None:
    value = number[0]
    wrong = value[:place] + str((int(value[place]) + difference) % 10) + value[place + 1 :]
    try:
        other = parse(wrong, today=TODAY)
    except IdentityNumberError:
        return
    # The century stands outside the check digit, and a day can become one with 60 added only by two digits.
    assert place < 2 or other.system is not IdentitySystem.PERSONNUMMER


@given(registered(offset=0))
def test_swapping_neighbours_is_noticed_except_for_zero_and_nine(number: tuple[str, date, bool]) -> None:
    value = number[0]
    for place in range(2, 11):
        one, two = value[place], value[place + 1]
        if one != two and {one, two} != {"0", "9"}:
            assert refused(value[:place] + two + one + value[place + 2 :]) in ("check_digit", "date", "format")


@given(stockholm_reserve())
def test_stockholm_reserve_numbers_are_read_and_tell_no_birth(value: str) -> None:
    read = parse(value, today=TODAY)
    assert (read.system, read.value, read.birth_date) == (IdentitySystem.STOCKHOLM_RESERVE, value, None)
    assert parse(read.formatted, today=TODAY) == read
    wrong = value[:11] + str((int(value[11]) + 1) % 10)
    assert refused(wrong) == "check_digit"


@given(national_reserve())
def test_national_reserve_numbers_are_read(number: tuple[str, date | None]) -> None:
    value, born = number
    read = parse(value.lower(), today=TODAY)
    assert (read.system, read.value, read.birth_date) == (IdentitySystem.NATIONAL_RESERVE, value, born)
    assert parse(read.formatted, today=TODAY) == read
    assert refused(value[:11] + str((int(value[11]) + 1) % 10)) == "check_digit"


@given(births, serials)
def test_nobody_is_born_tomorrow(day: date, serial: str) -> None:
    body = f"{day:%Y%m%d}{serial}"
    value = body + slow_check_digit(body[2:])
    assert parse(value, today=day).birth_date == day
    assert refused(value, today=day - timedelta(days=1)) == "date"


@given(registered())
def test_a_number_of_another_system_than_asked_for_is_refused(number: tuple[str, date, bool]) -> None:
    value, _, is_coordination = number
    wrong = IdentitySystem.PERSONNUMMER if is_coordination else IdentitySystem.SAMORDNINGSNUMMER
    assert refused(value, system=wrong) == "system"


@given(st.text(max_size=40) | st.text("0123456789-+ABCI", max_size=14))
def test_any_text_is_a_number_or_refused_with_the_one_error(text: str) -> None:
    try:
        read = parse(text, today=TODAY)
    except IdentityNumberError:
        return
    assert len(read.value) == 12
    assert parse(read.value, today=TODAY) == read


@given(st.from_regex(r"[0-9]{1,20}", fullmatch=True))
def test_the_check_digit_is_luhns(digits: str) -> None:
    assert luhn_digit(digits) == slow_check_digit(digits)


@pytest.mark.attack
def test_a_number_shows_nothing_of_itself_when_printed() -> None:
    read = parse("191212121212", today=TODAY)
    assert "1212" not in repr(read)
    assert "1212" not in f"{read}"


def test_each_system_has_a_uri_and_an_oid() -> None:
    assert parse("991981000010", today=TODAY).oid == "1.2.752.97.3.1.3"
    assert set(OIDS) == set(IdentitySystem)
    assert IdentitySystem("http://electronichealth.se/identifier/samordningsnummer") is IdentitySystem.SAMORDNINGSNUMMER
