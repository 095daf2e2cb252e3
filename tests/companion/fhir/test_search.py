"""Search parameters: what is known, what is refused, and what dates, tokens and references mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.fhir.search import MAX_COUNT, Asked, Parameter, Span, Token, asked

PARAMETERS = (
    Parameter("date", "date"),
    Parameter("status", "token"),
    Parameter("patient", "reference"),
    Parameter("identifier", "token", is_private=True),
)


def question(*pairs: tuple[str, str], **options: bool) -> Asked:
    return asked(PARAMETERS, pairs, **options)  # type: ignore[arg-type]


def refusal(*pairs: tuple[str, str], **options: bool) -> tuple[str, str | None]:
    with pytest.raises(Problem) as caught:
        question(*pairs, **options)
    return caught.value.code, caught.value.field_name


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("value", "begins", "ends"),
    [
        ("2027-03-09", "2027-03-09T00:00+01:00", "2027-03-10T00:00+01:00"),
        ("eq2027-03", "2027-03-01T00:00+01:00", "2027-04-01T00:00+02:00"),
        ("2027-12", "2027-12-01T00:00+01:00", "2028-01-01T00:00+01:00"),
        ("2027", "2027-01-01T00:00+01:00", "2028-01-01T00:00+01:00"),
        ("ge2027-03-09", "2027-03-09T00:00+01:00", None),
        ("gt2027-03-09", "2027-03-10T00:00+01:00", None),
        ("sa2027-03-09", "2027-03-10T00:00+01:00", None),
        ("lt2027-03-09", None, "2027-03-09T00:00+01:00"),
        ("eb2027-03-09", None, "2027-03-09T00:00+01:00"),
        ("le2027-03-09", None, "2027-03-10T00:00+01:00"),
        ("2027-03-09T08:30Z", "2027-03-09T08:30+00:00", "2027-03-09T08:31+00:00"),
        ("2027-03-09T08:30:15+01:00", "2027-03-09T07:30:15+00:00", "2027-03-09T07:30:16+00:00"),
        ("2027-03-09T08:30:00 01:00", "2027-03-09T07:30:00+00:00", "2027-03-09T07:30:01+00:00"),
    ],
)
def test_dates(value: str, begins: str | None, ends: str | None) -> None:
    assert question(("date", value)).span("date") == Span(begins and at(begins), ends and at(ends))


def test_several_dates_narrow_each_other() -> None:
    span = question(("date", "ge2027-03-09"), ("date", "lt2027-03-11"), ("date", "ge2027-03-08")).span("date")
    assert span == Span(at("2027-03-09T00:00+01:00"), at("2027-03-11T00:00+01:00"))
    assert at("2027-03-09T00:00+01:00") in span
    assert at("2027-03-11T00:00+01:00") not in span
    assert question().span("date") == Span()


@pytest.mark.parametrize(
    "value",
    ["x", "2027-13", "2027-02-30", "ne2027", "ap2027", "1700", "2027-03-09T08:30", "2027-03-09T25:00Z", "27", "٢٠٢٧"],
)
def test_what_is_no_date(value: str) -> None:
    with pytest.raises(Problem, match="parameter_value"):
        question(("date", value)).span("date")


@given(
    st.integers(0, 100 * 366 * 86_400).map(
        lambda seconds: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    st.sampled_from([10, 16, 19]),
)
def test_before_in_and_after_leave_no_instant_out(instant: datetime, length: int) -> None:
    text = instant.isoformat()[:length] + ("" if length == 10 else "Z")
    inside, before, after = (question(("date", one + text)).span("date") for one in ("", "lt", "gt"))
    probe = inside.begins
    assert probe is not None
    for moment in (probe - timedelta(microseconds=1), probe, inside.ends or probe):
        assert [moment in span for span in (inside, before, after)].count(True) == 1


def test_tokens() -> None:
    assert question(("status", "a,s|b,|c,s|")).tokens("status") == [
        Token(None, "a"),
        Token("s", "b"),
        Token("", "c"),
        Token("s", None),
    ]
    assert question().tokens("status") == []
    with pytest.raises(Problem, match="parameter_value"):
        question(("status", "a,,b")).tokens("status")
    assert question(("status", "free,s|busy")).codes("status", "s", ["free", "busy"]) == {"free", "busy"}
    for bad in ("open", "t|free", "s|"):
        with pytest.raises(Problem, match="parameter_value"):
            question(("status", bad)).codes("status", "s", ["free", "busy"])


def test_references() -> None:
    assert question(("patient", "p-1")).reference("patient", "Patient") == ("Patient", "p-1")
    assert question(("patient", "Group/g")).reference("patient", "Patient", "Group") == ("Group", "g")
    assert question().reference("patient", "Patient") is None
    for bad in ("Group/g", "Patient/", "https://elsewhere.example/fhir/Patient/p-1", "Patient/p-1/_history/2", "a b"):
        with pytest.raises(Problem, match="parameter_value"):
            question(("patient", bad)).reference("patient", "Patient")


def test_what_is_not_known_is_refused_and_never_quoted_at_length() -> None:
    assert refusal(("when", "x")) == ("unknown_parameter", "when")
    assert refusal(("19900517-2382 " * 5, "x")) == ("unknown_parameter", None)
    assert refusal(("date:missing", "true")) == ("unknown_parameter", "date")
    assert refusal(("date:missing", "true"), is_lenient=True) == ("unknown_parameter", "date")
    assert question(("when", "x"), ("date", "2027"), is_lenient=True).values == {"date": ("2027",)}
    assert question(("date", ""), ("_format", "json"), ("_pretty", "true")).values == {}


@pytest.mark.attack
def test_what_is_private_stands_in_no_address() -> None:
    assert refusal(("identifier", "199005172382")) == ("parameter_value", "identifier")
    asked_for = question(("identifier", "199005172382"), ("patient", "p-1"), in_address=False)
    assert asked_for.tokens("identifier") == [Token(None, "199005172382")]
    assert asked_for.link == "patient=p-1&_count=50"
    assert "1990" not in repr(asked_for)


def test_pages() -> None:
    first = question(("_count", "20"), ("patient", "Patient/p-1"))
    assert (first.count, first.offset, first.link) == (20, 0, "patient=Patient/p-1&_count=20")
    assert first.next_page.link == "patient=Patient/p-1&_count=20&_offset=20"
    assert question(("_count", "99999")).count == MAX_COUNT
    for pair in (("_count", "0"), ("_count", "-1"), ("_count", "9999999"), ("_offset", "10001"), ("_offset", "x")):
        assert refusal(pair) == ("parameter_value", pair[0])


def test_what_is_said_twice_where_it_may_be_said_once() -> None:
    twice = question(("status", "a"), ("status", "b"))
    with pytest.raises(Problem, match="parameter_value"):
        twice.tokens("status")
    assert refusal(("status", "x" * 257)) == ("parameter_value", "status")


@given(st.lists(st.tuples(st.sampled_from(["date", "status", "patient", "_count", "x"]), st.text(max_size=40))))
def test_whatever_is_asked_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        found = asked(PARAMETERS, pairs)
        found.span("date")
        found.tokens("status")
        found.reference("patient", "Patient")
        status = 200
    except Problem as problem:
        status = problem.kind.status
    assert status in (200, 400)
