"""What notice routes take and answer."""

from typing import Annotated, Literal

from pydantic import Field

from chat.contacts import EMAIL, PHONE
from chat.notice_templates import TemplateId
from signalling.case_views import PersonId
from signalling.protocol import Message

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9:._/-]{1,128}$")]
TemplateName = TemplateId


class PutContact(Message):
    """Where somebody can be told. An empty place is forgotten."""

    phone: Annotated[str, Field(pattern=rf"^(?:{PHONE.pattern})?$")] = Field(
        default="", description="E.164, confirmed."
    )
    email: Annotated[str, Field(pattern=rf"^(?:{EMAIL.pattern})?$", max_length=254)] = ""
    language: Literal["sv", "en"] = "sv"
    is_protected: bool | None = Field(
        default=None, description="Protected identity: no notice names a unit. Left out: as it is known."
    )


class NoticeParameter(Message):
    """A parameter of a template."""

    name: Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]
    value: Annotated[str, Field(max_length=120)]


class WriteNotice(Message):
    """Have somebody told that something waits, in the words of a template and no others."""

    person: PersonId
    template: TemplateName
    parameters: Annotated[list[NoticeParameter], Field(max_length=8)] = Field(
        default=[], description="`unit`, `when` (2026-11-23 14:30) or `code`, as the template takes them."
    )
    key: Key = Field(description="Idempotency key: of all notices with the same one, the first is sent.")


class NoticesQueued(Message):
    """One notice for each way to tell them; none when there is no way."""

    notice_ids: list[str]


class NoticeStatus(Message):
    """How a notice fares."""

    channel: Literal["sms", "email", "push"]
    state: Literal["queued", "sending", "sent", "delivered", "bounced", "failed"]
    attempts: int
    cause: str = Field(description="Of the last failure; names nobody.")


class ReportNotice(Message):
    """What a gateway says of a notice."""

    reference: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="As it answered when it took it."
    )
    state: Literal["delivered", "bounced", "failed"]


class PushKey(Message):
    """What a browser needs to subscribe."""

    key: str | None = Field(description="`applicationServerKey`, base64url; null: there is no web push.")


class PushKeys(Message):
    """The browser's keys."""

    p256dh: Annotated[str, Field(max_length=128)]
    auth: Annotated[str, Field(max_length=64)]


class Subscribe(Message):
    """Be told in this browser: what `PushSubscription.toJSON()` gives, without `expirationTime`."""

    endpoint: Annotated[str, Field(min_length=1, max_length=1024)]
    keys: PushKeys


class Unsubscribe(Message):
    """Be told in this browser no more."""

    endpoint: Annotated[str, Field(min_length=1, max_length=1024)]


class OwnContact(Message):
    """Where and how oneself is told."""

    phone: str
    email: str
    language: Literal["sv", "en"]
    browsers: int = Field(description="How many browsers are told by push.")


class SendCode(Message):
    """Ask for a code at a telephone number or mailbox that one says is one's own."""

    channel: Literal["sms", "email"]
    to: Annotated[str, Field(min_length=1, max_length=254)] = Field(description="E.164 number, or e-mail address.")


class ConfirmCode(Message):
    """Show that one has read the code: from now on one is told there."""

    code: Annotated[str, Field(pattern=r"^\d{6}$")]


class ChangeContact(Message):
    """Choose a language, or no longer be told at a place."""

    language: Literal["sv", "en"] | None = None
    forget: Literal["sms", "email"] | None = None
