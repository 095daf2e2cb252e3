"""What the outbox tells of: every kind of event, and what has happened when it comes.

``Transaction.publish`` writes no other. What the front does about each stands in ``signalling/companion_part.py`` and
``signalling/companion_event_kinds.py``; a test holds the two lists against each other.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EVENT_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "booking.created": "A place was booked.",
        "booking.rebooked": "A booking was moved.",
        "booking.cancelled": "A booking was cancelled.",
        "booking.reminder": "A booking is near.",
        "booking.booked": "An absence was taken back.",
        "booking.arrived": "The patient has come.",
        "booking.fulfilled": "The visit took place.",
        "booking.no_show": "The patient did not come.",
        "meeting.changed": "Others take part in a video meeting than before.",
        "reserve.offered": "A place is held for somebody of the reserve list.",
        "summons.sent": "A summons was sent.",
        "summons.reminder": "A summons still waits for an answer.",
        "summons.confirmed": "The patient comes.",
        "summons.rebooked": "The patient comes at another time.",
        "summons.declined": "The patient does not come.",
        "proxies.changed": "Somebody may act for others than before.",
        "custody.asked": "The register of custody has to be asked about a child.",
        "guardian.asked": "A teenager is asked whether a guardian may come to a meeting.",
        "guardian.consented": "The teenager says yes.",
        "guardian.declined": "The teenager says no, or takes a yes back.",
        "offer.notice": "It is somebody's turn to be told of an offer.",
        "maternity.opened": "A wish for a clinic can be told.",
        "maternity.reminder": "The time for the wish is nearly over.",
        "maternity.allocated": "A place at a clinic was given.",
        "correction.decided": "The unit has decided on a correction.",
        "extract.ready": "An extract can be fetched.",
        "role.given": "An employee was given a role.",
        "role.taken": "An employee's role was ended.",
        "person.erased": "Nothing is kept of a person any more.",
    }
)
