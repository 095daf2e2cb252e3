"""What the meeting routes take and give."""

from typing import Annotated, Literal

from pydantic import Field

from auth.guest_links import MAX_LABEL_CHARACTERS, LinkRole, LinkState
from auth.tokens import MAX_DISPLAY_NAME_CHARACTERS, Scope
from sfu.registry import MAX_PARTICIPANTS
from signalling.meetings import MeetingKind
from signalling.protocol import Identifier, Message

Id = Annotated[str, Field(min_length=1, max_length=64)]
"""A person id or an HSA-id."""
Ids = Annotated[list[Id], Field(max_length=MAX_PARTICIPANTS)]
Label = Annotated[str, Field(max_length=MAX_LABEL_CHARACTERS)]
_MISLEADING = r"\x00-\x1f\x7f-\x9f<>\u{200b}\u{200e}\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{feff}"
ShownName = Annotated[
    str, Field(max_length=MAX_DISPLAY_NAME_CHARACTERS, pattern=rf"^[^\s{_MISLEADING}][^{_MISLEADING}]*$")
]
"""A name that somebody gives themselves: it begins with something to be seen, and has no control characters, no
markup, and nothing invisible or that turns the direction of writing."""
Seconds = Annotated[int, Field(ge=0, le=2**40)]


class CreateMeeting(Message):
    """Plan a meeting. Staff plan in their own unit; a service says in which, and may change one it made."""

    title: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="Shown to all who take part, before they are admitted too: neutral."
    )
    kind: MeetingKind
    starts_at: Seconds = Field(description="Seconds since the epoch.")
    ends_at: Seconds
    patient: Id | None = Field(default=None, description="Person id of the patient whose visit it is.")
    hosts: Ids = Field(default_factory=list, description="HSA-ids of those who hold it; all staff of the unit may.")
    members: Ids = Field(default_factory=list, description="Person ids and HSA-ids of others who take part.")
    phone: Annotated[str, Field(pattern=r"^[0-9+() -]{3,32}$")] | None = Field(
        default=None, description="The number to call when video does not work out."
    )
    participants_chat: bool = Field(
        default=True, description="False: all read the meeting's chat, and only its hosts write. Can be changed later."
    )
    max_participants: Annotated[int, Field(ge=1, le=MAX_PARTICIPANTS)] | None = None
    meeting_id: Identifier | None = Field(default=None, description="Services only; random when left out.")
    unit_hsa_id: Id | None = Field(default=None, description="Services only, who must give it.")
    provider_hsa_id: Id | None = Field(default=None, description="Services only, who must give it.")
    unit_name: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="To show; the commission's name when left out by staff."
    )


class MeetingView(Message):
    """A meeting, as those who may enter it see it."""

    meeting_id: Identifier
    title: str
    kind: MeetingKind
    starts_at: int = Field(description="Seconds since the epoch.")
    ends_at: int
    opens_at: int = Field(description="From when one may come in; for staff it is open always.")
    closes_at: int = Field(description="Until when one may come in: meetings may take longer than planned.")
    unit_name: str
    phone: str | None
    waiting: int = Field(description="People in the waiting room, for staff; 0 for everybody else.")
    interpreter_language: str | None = Field(
        description="An interpreter is booked for this language (ISO 639): staff make a link of the role `interpreter`."
    )


class MeetingList(Message):
    """Meetings by start: a patient's own, a represented patient's, or those of the chosen unit."""

    meetings: list[MeetingView]


class CreateMeetingToken(Message):
    """Get a meeting token for oneself. It lives for minutes; `renew` on the socket replaces it."""

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = Field(
        default=["join"], description="What it is for: the socket, WHIP, WHEP."
    )


class MeetingToken(Message):
    """A meeting token."""

    token: str
    expires_at: int = Field(description="Seconds since the epoch.")
    role: Literal["host", "participant", "guest", "interpreter"]
    admitted: bool = Field(description="False: `wait` first, until a host lets one in.")


class CreateLink(Message):
    """Make a link for one guest or interpreter. It opens in the first browser that uses it, and in no other."""

    role: LinkRole
    label: Label = Field(default="", description="To know it again; the guest does not see it.")


class LinkView(Message):
    """A link as its makers see it: never its secret."""

    link_id: str
    role: LinkRole
    label: str
    state: LinkState
    expires_at: int = Field(description="Seconds since the epoch.")


class ListedLink(LinkView):
    """A link in a list."""

    url: str | None = Field(
        default=None, description="The address, of a link that a teenager's yes made for a guardian, until it is used."
    )


class LinkCreated(LinkView):
    """A new link: the only time its address can be read."""

    url: str


class LinkList(Message):
    """A meeting's links."""

    links: list[ListedLink]


class UseLink(Message):
    """Use a link: the first browser gets the cookie `__Host-guest`, with which a reload works."""

    link: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="What stood in the fragment.")
    display_name: ShownName = Field(description="The name that others see; the host confirms it.")


class TurnServerView(Message):
    """TURN servers and credentials (`RTCIceServer`), or none."""

    urls: list[str]
    username: str
    credential: str


class TurnReply(Message):
    """What to give to `RTCPeerConnection`."""

    ice_servers: list[TurnServerView]
    expires_at: int | None = Field(description="Seconds since the epoch; null when there are no servers.")
