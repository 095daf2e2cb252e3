"""Stores, scanners and senders as the settings say, and settings that cannot be."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from chat.blobs_disk import DiskStore
from chat.blobs_s3 import S3Store
from chat.clamd import Clamd, NoScanner
from chat.sender_development import DevelopmentSender
from chat.sender_sms import SmsSender
from chat.sender_smtp import SmtpSender
from chat.sender_webpush import KNOWN_HOSTS, WebPushSender
from chat.web_push import generate_private_key_text
from signalling.case_part import attachments_of
from signalling.message_settings import MessageSettings, MessageSettingsError
from signalling.notice_part import push_hosts, senders_of
from tests.chat.test_web_push import OUR_PRIVATE
from tests.signalling.conftest import KEYS, NOW

GATEWAYS: dict[str, Any] = {
    "smtp_url": SecretStr("smtps://user:pass@mail.example"),
    "smtp_sender": "svara-inte@alltid.example",
    "sms_url": "https://sms.example/send",
    "sms_token": SecretStr("token"),
    "vapid_key": SecretStr(OUR_PRIVATE),
    "vapid_subject": "mailto:drift@alltid.example",
}


def kinds(redis: Redis, **settings: Any) -> dict[str, type]:
    return {sender.channel: type(sender) for sender in senders_of(MessageSettings(**settings), redis, lambda: NOW)}


def test_gateways_that_are_set_are_used(redis_client: Redis) -> None:
    expected = {"email": SmtpSender, "sms": SmsSender, "push": WebPushSender}
    assert kinds(redis_client, **GATEWAYS) == expected
    assert kinds(redis_client, **GATEWAYS, mode="development") == expected


def test_the_sink_takes_the_rest_in_development_and_nothing_in_production(redis_client: Redis) -> None:
    assert kinds(redis_client) == {}
    assert kinds(redis_client, mode="development") == dict.fromkeys(("sms", "email", "push"), DevelopmentSender)
    mixed = kinds(redis_client, mode="development", sms_url="https://sms.example")
    assert mixed == {"sms": SmsSender, "email": DevelopmentSender, "push": DevelopmentSender}


def test_the_key_for_web_push_may_stand_in_a_file(redis_client: Redis, tmp_path: Path) -> None:
    path = tmp_path / "vapid-key"
    path.write_text(f"{generate_private_key_text()}\n")
    assert kinds(redis_client, vapid_key_file=path, vapid_subject="mailto:a@b.example") == {"push": WebPushSender}


def test_push_services_are_those_of_the_browsers_unless_others_are_named() -> None:
    assert push_hosts(MessageSettings()) == KNOWN_HOSTS
    assert push_hosts(MessageSettings(push_hosts="push.example .push.example")) == ("push.example", ".push.example")


def test_files_are_kept_on_disk_or_in_an_s3_store(redis_client: Redis, tmp_path: Path) -> None:
    on_disk = attachments_of(MessageSettings(attachments_dir=tmp_path), KEYS, redis_client)
    assert isinstance(on_disk._blobs, DiskStore)
    assert isinstance(on_disk._scanner, NoScanner)
    url = SecretStr("s3+https://key:hunter2@store.example/bucket")
    elsewhere = attachments_of(
        MessageSettings(attachments_url=url, clamd_url="unix:///run/clamd.sock", attachment_max_bytes=7),
        KEYS,
        redis_client,
    )
    assert isinstance(elsewhere._blobs, S3Store)
    assert isinstance(elsewhere._scanner, Clamd)
    assert elsewhere.limits.max_file_bytes == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"smtp_url": SecretStr("http://user:hunter2@mail.example")},
        {"smtp_sender": ""},
        {"vapid_key": SecretStr("hunter2")},
        {"vapid_key": None, "vapid_key_file": Path("hunter2/nowhere")},
    ],
)
def test_gateways_that_cannot_be_are_refused_without_their_secrets(
    redis_client: Redis, changes: dict[str, Any]
) -> None:
    with pytest.raises(MessageSettingsError) as caught:
        senders_of(MessageSettings(**GATEWAYS | changes), redis_client, lambda: NOW)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"attachments_url": SecretStr("s3+https://key:hunter2@store.example")}, {"clamd_url": "localhost"}]
)
def test_stores_and_scanners_that_cannot_be_are_refused(redis_client: Redis, settings: dict[str, Any]) -> None:
    with pytest.raises(MessageSettingsError) as caught:
        attachments_of(MessageSettings(**settings), KEYS, redis_client)
    assert "hunter2" not in str(caught.value)


def test_derived_keys_are_others_for_each_purpose() -> None:
    assert KEYS.derived("a") == KEYS.derived("a")
    assert set(KEYS.derived("a")).isdisjoint(KEYS.derived("b"))
