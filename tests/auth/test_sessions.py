"""What a session says, and that nothing is lost when it is kept."""

from dataclasses import replace

from auth.permissions import LOA3
from auth.principal import Commission
from auth.sessions import ActingFor, Limits, ProviderLogin, Session, csrf_token, new_grant_id, pack, unpack

COMMISSION = Commission("SE1-C1", "SE1-U1", "SE1-P1", "Vårdcentral", frozenset({"staff", "unit_admin"}))
OTHER = Commission("SE1-C2", "SE1-U2", "SE1-P1", "Mottagning", frozenset({"viewer"}))


def patient_session(**changes: object) -> Session:
    session = Session(
        kind="patient",
        actor="p-" + "a" * 26,
        display_name="Anna Testsson",
        acr=LOA3,
        authenticated_at=990,
        created_at=1000,
        seen_at=1000,
        grant_id=new_grant_id(),
        number="199001012385",
        number_system="http://electronichealth.se/identifier/personnummer",
        login=ProviderLogin("https://provider.example", "sub-1", "sid-1"),
    )
    return replace(session, **changes)  # type: ignore[arg-type]


def staff_session(**changes: object) -> Session:
    session = Session(
        kind="staff",
        actor="SE1-K1",
        display_name="Karin Lindvall",
        acr=LOA3,
        authenticated_at=990,
        created_at=1000,
        seen_at=1000,
        grant_id=new_grant_id(),
        commissions=(COMMISSION, OTHER),
    )
    return replace(session, **changes)  # type: ignore[arg-type]


ACTING = ActingFor("p-" + "b" * 26, "Alva", frozenset({"meetings", "book"}))


def test_what_is_kept_comes_back() -> None:
    for session in (
        patient_session(),
        patient_session(acting_for=ACTING, login=ProviderLogin("i", "s", None)),
        staff_session(),
        staff_session(commission=OTHER),
    ):
        assert unpack(pack(session)) == session


def test_a_patient_is_their_own_subject_and_a_proxy_another_one() -> None:
    own = patient_session().principal()
    assert (own.roles, own.subject, own.is_proxy) == ({"patient"}, own.actor, False)
    proxy = patient_session(acting_for=ACTING).principal()
    assert (proxy.roles, proxy.subject, proxy.is_proxy) == ({"proxy"}, ACTING.subject, True)
    assert proxy.actor == own.actor
    assert proxy.proxy_scopes == {"meetings", "book"}


def test_staff_have_the_roles_of_the_chosen_commission_only() -> None:
    before = staff_session().principal()
    assert (before.roles, before.commission) == ({"staff"}, None)
    assert staff_session(commission=OTHER).principal().roles == {"viewer"}


def test_the_limits_count_from_the_last_use_and_from_the_login() -> None:
    limits = Limits(idle_s=100, absolute_s=250)
    assert patient_session(seen_at=1000).expires_at(limits) == 1100
    assert patient_session(seen_at=1200).expires_at(limits) == 1250


def test_the_csrf_token_follows_the_secret_and_does_not_tell_it() -> None:
    assert csrf_token("a" * 43) == csrf_token("a" * 43) != csrf_token("b" * 43)
    assert len(csrf_token("a" * 43)) == 43


def test_nothing_personal_is_shown() -> None:
    shown = repr(patient_session(acting_for=ACTING)) + repr(ACTING) + repr(ProviderLogin("i", "sub-1", "sid-1"))
    assert not any(text in shown for text in ("Anna", "Alva", "19900101", "sub-1", "sid-1"))
