"""The table of permissions, part two: what the companion keeps - bookings, proxies, declarations, records."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from auth.actions import Action, Relation, Rule
from auth.role_pairs import ADMINS, ADMINS_OF_PROVIDER, PATIENT, PLANNERS, SERVICE, STAFF, VIEWER

RULES: Final[Mapping[Action, Rule]] = MappingProxyType(
    {
        # Bookings.
        Action.BOOKING_LIST: Rule(
            "List one's own or the unit's bookings.",
            (*PATIENT, *PLANNERS, *VIEWER),
            reads_patient_data=True,
            proxy_scope="book",
        ),
        Action.BOOKING_READ: Rule(
            "See a booking.", (*PATIENT, *PLANNERS, *VIEWER), reads_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_CREATE: Rule(
            "Book a time.", (*PATIENT, *PLANNERS), writes_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_CHANGE: Rule(
            "Move a booking.", (*PATIENT, *PLANNERS), writes_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_CANCEL: Rule(
            "Cancel a booking.", (*PATIENT, *PLANNERS), writes_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_MESSAGE: Rule(
            "Ask whether one may write to the unit about a booking.",
            (*PATIENT, *PLANNERS),
            reads_patient_data=True,
            proxy_scope="messages",
        ),
        Action.FEE_READ: Rule("See what a unit has charged, for its invoices.", PLANNERS, reads_patient_data=True),
        Action.BOOKING_MARK: Rule("Mark a booking arrived, done or absent.", PLANNERS, writes_patient_data=True),
        Action.MEETING_FEED: Rule(
            "Ask which bookings stand behind video meetings (the front).",
            SERVICE,
            reads_patient_data=True,
            service_scope="meetings:read",
        ),
        Action.MEETING_COURSE: Rule(
            "Tell who has come into a video meeting, and that it was ended (the front).",
            SERVICE,
            writes_patient_data=True,
            service_scope="meetings:report",
        ),
        # Proxies.
        Action.PROXY_GRANT: Rule(
            "Let somebody act for oneself, or end it.", (("patient", Relation.SELF),), writes_patient_data=True
        ),
        Action.PROXY_WRITE: Rule(
            "Tell whose proxy somebody is (custody register, grants).",
            SERVICE,
            writes_patient_data=True,
            service_scope="proxies:write",
        ),
        Action.PROXY_REQUEST: Rule(
            "Ask to act for one's child, or give it up.", (("patient", Relation.SELF),), writes_patient_data=True
        ),
        Action.PROXY_READ: Rule(
            "See for whom one may act, and who may act for oneself.",
            (("patient", Relation.SELF),),
            reads_patient_data=True,
        ),
        Action.PROXY_FEED: Rule(
            "Ask for whom somebody may act (the front).",
            SERVICE,
            reads_patient_data=True,
            service_scope="proxies:read",
        ),
        Action.PERSON_WRITE: Rule(
            "Tell of a person (population register).", SERVICE, writes_patient_data=True, service_scope="persons:write"
        ),
        Action.PERSON_LOGIN: Rule(
            "Tell that a patient has logged in; who is not known yet is from then on (the front).",
            SERVICE,
            writes_patient_data=True,
            service_scope="persons:login",
        ),
        Action.PERSON_PROTECTION: Rule(
            "Ask whether somebody's identity is protected, and no more (the front).",
            SERVICE,
            reads_patient_data=True,
            service_scope="persons:protection",
        ),
        Action.PATIENT_LOOKUP: Rule(
            "Find a patient by identity number, to book them or care for them.", PLANNERS, reads_patient_data=True
        ),
        Action.PATIENT_READ: Rule(
            "See who a patient is: oneself, whom one acts for, or whom one's unit treats.",
            (*PATIENT, *STAFF),
            reads_patient_data=True,
            proxy_scope="book",
        ),
        Action.GUARDIAN_INVITE: Rule(
            "Ask a patient of 13 to 17 years whether a guardian may come to one meeting.",
            STAFF,
            writes_patient_data=True,
        ),
        Action.GUARDIAN_CONSENT: Rule(
            "Say whether one's guardian may come to a meeting.", (("patient", Relation.SELF),), writes_patient_data=True
        ),
        # Health declarations and vaccination.
        Action.QUESTIONNAIRE_ADMIN: Rule("Edit and publish questionnaires.", ADMINS),
        Action.DECLARATION_ANSWER: Rule(
            "Answer a health declaration, and see what one has answered.",
            PATIENT,
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.DECLARATION_LIST: Rule(
            "List what one has answered, or what a patient of the unit's has answered to the forms of bookings there.",
            (*PATIENT, *STAFF),
            reads_patient_data=True,
            proxy_scope="book",
        ),
        Action.DECLARATION_READ: Rule("Read the declarations of a booking's patient.", STAFF, reads_patient_data=True),
        Action.DECLARATION_AMEND: Rule("Take down a patient's answers at the visit.", STAFF, writes_patient_data=True),
        Action.DOSE_WRITE: Rule(
            "Write down the doses of a booking's patient, and read them.", STAFF, writes_patient_data=True
        ),
        Action.DOSE_READ: Rule("See one's own vaccinations.", PATIENT, reads_patient_data=True, proxy_scope="book"),
        # E-kallelse.
        Action.SUMMONS_WRITE: Rule("Draft, send and withdraw a summons.", PLANNERS, writes_patient_data=True),
        Action.SUMMONS_LIST: Rule(
            "List one's own or the unit's summonses.",
            (*PATIENT, *PLANNERS, *VIEWER),
            reads_patient_data=True,
            proxy_scope="book",
        ),
        Action.SUMMONS_READ: Rule(
            "Read a summons; the patient's first reading is noted.",
            (*PATIENT, *PLANNERS),
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.SUMMONS_ANSWER: Rule(
            "Confirm, move or decline what one was summoned to.",
            PATIENT,
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.LETTER_PRINT: Rule("Print the unit's letters.", PLANNERS, writes_patient_data=True),
        # Maternity clinics: no proxy, whatever was granted.
        Action.MATERNITY_REGISTER: Rule(
            "Register a pregnancy, its due date and medical exclusions; end it.", STAFF, writes_patient_data=True
        ),
        Action.MATERNITY_LIST: Rule(
            "List one's own wish for a maternity clinic, or those of the midwife's unit.",
            (("patient", Relation.SELF), *STAFF),
            reads_patient_data=True,
        ),
        Action.MATERNITY_READ: Rule(
            "See a wish, what came of it, and why.", (("patient", Relation.SELF), *STAFF), reads_patient_data=True
        ),
        Action.MATERNITY_WISH: Rule(
            "Wish for maternity clinics, or write down what a patient wishes.",
            (("patient", Relation.SELF), *STAFF),
            writes_patient_data=True,
        ),
        Action.MATERNITY_OVERRIDE: Rule(
            "Give a place at a maternity clinic by hand.",
            (*STAFF, ("region_admin", Relation.OWN_PROVIDER)),
            writes_patient_data=True,
        ),
        Action.MATERNITY_CLINIC: Rule(
            "See who is to give birth at one's clinic.", (*PLANNERS, *VIEWER), reads_patient_data=True
        ),
        Action.MATERNITY_ALLOCATE: Rule(
            "Allocate maternity clinics, see and replay allocations.",
            (("region_admin", Relation.OWN_PROVIDER),),
            writes_patient_data=True,
        ),
        # Who may read what other units and care providers have written. No proxy: a guardian cannot block (spärra).
        Action.BLOCK_WRITE: Rule(
            "Set and lift blocks (spärr) of one's own; staff on the patient's behalf.",
            (("patient", Relation.SELF), *STAFF),
            writes_patient_data=True,
        ),
        Action.CONSENT_WRITE: Rule(
            "Record or withdraw a consent to read what other care providers have written.",
            (("patient", Relation.SELF), *STAFF),
            writes_patient_data=True,
        ),
        Action.CARE_RELATION_WRITE: Rule(
            "Register a care relation with a patient, with the reason.", STAFF, writes_patient_data=True
        ),
        Action.EMERGENCY_OPEN: Rule(
            "Open what is closed to one in an emergency (nödöppning).", STAFF, writes_patient_data=True
        ),
        Action.ACCESS_READ: Rule(
            "See blocks, consents, registered care relations and emergency openings.",
            (("patient", Relation.SELF), *STAFF),
            reads_patient_data=True,
        ),
        Action.RECORD_READ: Rule(
            "Read what units and care providers have written about a patient, as far as blocks, consents and care "
            "relations let one.",
            STAFF,
            reads_patient_data=True,
        ),
        # Follow-up of the audit log.
        Action.AUDIT_REVIEW: Rule(
            "Judge emergency openings and samples of the audit log, answer patients' questions about it.",
            ADMINS,
            writes_patient_data=True,
        ),
        Action.AUDIT_ASK: Rule(
            "Ask about a use of one's own data.", (("patient", Relation.SELF),), writes_patient_data=True
        ),
        Action.AUDIT_TAKE_OVER: Rule(
            "Hand the front's audit log over to the companion.", SERVICE, service_scope="audit:write"
        ),
        # Riktade erbjudanden.
        Action.CAMPAIGN_WRITE: Rule(
            "Draft, count, rehearse, launch, pause and end a campaign.", ADMINS, writes_patient_data=True
        ),
        Action.CAMPAIGN_READ: Rule(
            "See the care provider's campaigns and their figures.", ADMINS_OF_PROVIDER, reads_patient_data=True
        ),
        Action.CAMPAIGN_APPROVE: Rule(
            "Approve a campaign; two different people of the care provider do.",
            ADMINS_OF_PROVIDER,
            writes_patient_data=True,
        ),
        Action.RISK_GROUP_WRITE: Rule(
            "Tell who belongs to which risk group of a care provider.",
            SERVICE,
            writes_patient_data=True,
            service_scope="risk-groups:write",
        ),
        Action.OFFER_READ: Rule(
            "See one's own offers; that they were shown and opened is noted.",
            PATIENT,
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.OFFER_ANSWER: Rule(
            "Accept, decline or book what one is offered.", PATIENT, writes_patient_data=True, proxy_scope="book"
        ),
        Action.OFFER_OPT_OUT: Rule(
            "Want no offers, of a kind or at all; undo it.", PATIENT, writes_patient_data=True, proxy_scope="book"
        ),
        # Administration: no patient data.
        Action.MATERNITY_CAPACITY: Rule("See and set a maternity clinic's places, and positions.", ADMINS),
        Action.SCHEDULE_ADMIN: Rule("Edit time books and time types.", (("scheduler", Relation.OWN_UNIT), *ADMINS)),
        Action.UNIT_ADMIN: Rule("Edit a unit's data.", ADMINS),
        Action.USER_ADMIN: Rule("Give and take roles in a unit.", ADMINS),
        Action.ADMINISTRATION_READ: Rule("See who changed what in units, time books and roles.", ADMINS),
        Action.ROLE_FEED: Rule(
            "Ask which roles somebody was given (the front, at their login).", SERVICE, service_scope="roles:read"
        ),
    }
)
