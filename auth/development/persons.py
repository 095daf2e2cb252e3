"""The invented persons of the test bench. Nobody here exists.

Personal identity numbers have the birth numbers 238x (women) and 239x (men) that the Swedish Tax Agency keeps free for
tests. Birth years follow the calendar (``today``), so that the child stays a child. The organisation numbers
555555-5555 and 556677-8899 are well-known examples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from auth.identity_numbers import IdentitySystem, luhn_digit

PERSONNUMMER: Final = IdentitySystem.PERSONNUMMER.value
SAMORDNINGSNUMMER: Final = IdentitySystem.SAMORDNINGSNUMMER.value
STOCKHOLM_RESERVE_NUMBER: Final = IdentitySystem.STOCKHOLM_RESERVE.value

PROVIDER_REGION: Final = "SE5555555555-0001"
PROVIDER_COMPANY: Final = "SE5566778899-0001"
UNIT_HEALTH_CENTRE: Final = "SE5555555555-1001"
UNIT_MATERNITY: Final = "SE5555555555-1002"
UNIT_REHAB: Final = "SE5566778899-2001"

ORGANISATION_NAMES: Final[Mapping[str, str]] = {
    PROVIDER_REGION: "Exempelregionen",
    PROVIDER_COMPANY: "Exempelvård AB",
    UNIT_HEALTH_CENTRE: "Björkens vårdcentral",
    UNIT_MATERNITY: "Ekens barnmorskemottagning",
    UNIT_REHAB: "Lindens rehab",
}
"""Care providers and units by HSA-id."""

Scope = Literal["book", "messages", "meetings"]


@dataclass(frozen=True)
class Patient:
    """An invented inhabitant."""

    key: str
    """Stable name in the test bench."""
    given_name: str
    family_name: str
    system: str
    number: str
    """12 characters in that identifier system."""
    born: date
    note: str
    """What this person is there to try, in Swedish."""
    note_en: str
    has_eid: bool = True
    """Children under 13 have none: they are reached through a guardian."""
    protected: bool = False
    """Sekretessmarkering (protected identity)."""

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True)
class EmployeeCommission:
    """A commission (medarbetaruppdrag) of an invented employee."""

    hsa_id: str
    name: str
    purpose: str
    """``commissionPurpose``; ``Vård och behandling`` makes a clinician."""
    unit: str
    provider: str
    system_roles: tuple[str, ...] = ()
    """Roles in this service (``unit_admin``...), as ``systemRole`` carries them."""


@dataclass(frozen=True)
class Employee:
    """An invented employee of a care provider."""

    hsa_id: str
    given_name: str
    family_name: str
    title: str
    note: str
    note_en: str
    commissions: tuple[EmployeeCommission, ...]

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.given_name} {self.family_name}"

    def commission(self, hsa_id: str) -> EmployeeCommission | None:
        """That commission, when it is this employee's."""
        return next((one for one in self.commissions if one.hsa_id == hsa_id), None)


@dataclass(frozen=True)
class ProxyGrant:
    """Who may act for whom (``Patient.key``)."""

    actor: str
    subject: str
    kind: Literal["guardian", "grant"]
    scopes: tuple[Scope, ...]


def _number(born: date, serial: str, *, day_offset: int = 0) -> str:
    tail = f"{born:%y%m}{born.day + day_offset:02}{serial}"
    return f"{born:%Y}{tail[2:]}{luhn_digit(tail)}"


def _stockholm_reserve_number(born: date, serial: str) -> str:
    """99yyyyNNNNNC: the check digit covers positions 5 to 11."""
    tail = f"{born.year}{serial}"
    return f"99{tail}{luhn_digit(tail[2:])}"


def patients(today: date) -> Sequence[Patient]:
    """All inhabitants, as old as their notes say in the year of ``today``."""
    year = today.year

    def woman(age: int, month: int, day: int) -> tuple[str, str, date]:
        born = date(year - age, month, day)
        return PERSONNUMMER, _number(born, "238"), born

    def man(age: int, month: int, day: int) -> tuple[str, str, date]:
        born = date(year - age, month, day)
        return PERSONNUMMER, _number(born, "239"), born

    coordinated, reserved = date(year - 33, 5, 11), date(year - 28, 1, 1)
    return (
        Patient("maria", "Maria", "Ekdal", *woman(41, 3, 14), "Vuxen, vårdnadshavare för Alva och Elliot",
                "Adult, guardian of Alva and Elliot"),
        Patient("tomas", "Tomas", "Ekdal", *man(43, 9, 2), "Vuxen, vårdnadshavare för Alva och Elliot",
                "Adult, guardian of Alva and Elliot"),
        Patient("elliot", "Elliot", "Ekdal", *man(15, 1, 20), "Tonåring (13-17), egen e-legitimation",
                "Teenager (13-17) with an e-ID of his own"),
        Patient("alva", "Alva", "Ekdal", *woman(7, 6, 6), "Barn under 13: nås genom Maria eller Tomas",
                "Child under 13: reached through Maria or Tomas", has_eid=False),
        Patient("nils", "Nils", "Ekdal", *man(13, 12, 31), "12 år: fyller 13 på nyårsafton, då når Maria honom inte",
                "12 years old: turns 13 on New Year's Eve, and Maria reaches him no more", has_eid=False),
        Patient("bengt", "Bengt", "Sandvall", *man(78, 11, 30), "Äldre; har utsett Maria till ombud",
                "Elderly; has made Maria his proxy"),
        Patient("sara", "Sara", "Lundvik", *woman(31, 8, 17), "Gravid", "Pregnant"),
        Patient("lo", "Lo", "Lundvik", *woman(4, 5, 9), "Barn till Sara, som ännu inte har bett att få vara ombud",
                "Sara's child: she has not asked to act for Lo yet", has_eid=False),
        Patient("petra", "Petra", "Hallonqvist", *woman(36, 2, 9), "Skyddade personuppgifter", "Protected identity",
                protected=True),
        Patient("ivan", "Ivan", "Provén", SAMORDNINGSNUMMER, _number(coordinated, "239", day_offset=60), coordinated,
                "Samordningsnummer", "Coordination number"),
        Patient("okand", "Robin", "Reservsson", STOCKHOLM_RESERVE_NUMBER, _stockholm_reserve_number(reserved, "00042"),
                reserved, "Reservnummer (Region Stockholm)", "Reserve number (Region Stockholm)"),
    )  # fmt: skip


PROXY_GRANTS: Final[Sequence[ProxyGrant]] = (
    ProxyGrant("maria", "alva", "guardian", ("book", "messages", "meetings")),
    ProxyGrant("tomas", "alva", "guardian", ("book", "messages", "meetings")),
    ProxyGrant("maria", "nils", "guardian", ("book", "messages", "meetings")),
    ProxyGrant("maria", "bengt", "grant", ("meetings",)),
)
"""Guardians of Elliot are not among them: from 13 on a teenager acts alone."""

CUSTODY: Final[Mapping[str, Sequence[str]]] = {
    "alva": ("maria", "tomas"),
    "nils": ("maria",),
    "elliot": ("maria", "tomas"),
    "lo": ("sara",),
}
"""Children and their guardians, as the test bench's custody register knows them (``Patient.key``)."""


CARE: Final = "Vård och behandling"
ADMINISTRATION: Final = "Administration"


def _care(serial: str, unit: str) -> EmployeeCommission:
    return _commission(serial, unit, CARE, CARE, ())


def _administers(serial: str, unit: str, name: str, role: str) -> EmployeeCommission:
    return _commission(serial, unit, name, ADMINISTRATION, (role,))


def _commission(serial: str, unit: str, name: str, purpose: str, roles: tuple[str, ...]) -> EmployeeCommission:
    provider = PROVIDER_COMPANY if unit.startswith("SE5566778899") else PROVIDER_REGION
    return EmployeeCommission(f"{unit}{serial}", name, purpose, unit, provider, roles)


EMPLOYEES: Final[Sequence[Employee]] = (
    Employee("SE5555555555-K001", "Karin", "Lindvall", "Läkare",
             "Två uppdrag: vårdcentral och barnmorskemottagning", "Two commissions: health centre and maternity",
             (_care("K01", UNIT_HEALTH_CENTRE),
              _care("K02", UNIT_MATERNITY))),
    Employee("SE5555555555-J002", "Johan", "Sköldberg", "Sjuksköterska",
             "Ett uppdrag på vårdcentralen", "One commission at the health centre",
             (_care("J01", UNIT_HEALTH_CENTRE),)),
    Employee("SE5555555555-A003", "Amira", "Haddane", "Barnmorska",
             "Uppdrag hos två vårdgivare", "Commissions at two care providers",
             (_care("A01", UNIT_MATERNITY),
              _care("A02", UNIT_REHAB))),
    Employee("SE5566778899-P004", "Per", "Åkerö", "Fysioterapeut",
             "Annan vårdgivare: ska inte se regionens patienter", "Another care provider: sees none of the region's",
             (_care("P01", UNIT_REHAB),)),
    Employee("SE5555555555-E005", "Eva", "Nordmark", "Enhetschef",
             "Vårdpersonal och enhetsadministratör", "Staff and unit administrator",
             (_care("E01", UNIT_HEALTH_CENTRE),
              _administers("E02", UNIT_HEALTH_CENTRE, "Administration", "unit_admin"))),
    Employee("SE5555555555-L006", "Lars", "Ekmarker", "Systemförvaltare",
             "Regionadministratör", "Region administrator",
             (_administers("L01", UNIT_HEALTH_CENTRE, "Regional administration", "region_admin"),)),
    Employee("SE5555555555-M007", "Maja", "Hallin", "Medicinsk sekreterare",
             "Schemaläggare", "Scheduler",
             (_administers("M01", UNIT_HEALTH_CENTRE, "Tidboksadministration", "scheduler"),)),
    Employee("SE5555555555-S008", "Sven", "Granlid", "Verksamhetsutvecklare",
             "Får bara titta", "May only look",
             (_administers("S01", UNIT_HEALTH_CENTRE, "Uppföljning", "viewer"),)),
    Employee("SE5555555555-R009", "Robin", "Driftsson", "Driftansvarig",
             "Drift (SRE)", "Operations (SRE)",
             (_administers("R01", UNIT_HEALTH_CENTRE, "Drift", "sre"),)),
    Employee("SE5555555555-U010", "Ulla", "Fridsten", "Läkare",
             "Har inget uppdrag: ska nekas", "Has no commission: must be refused", ()),
)  # fmt: skip
