"""Use cases of questionnaires: versions are drafted, published and retired; a published one never changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from auth.permissions import Resource
from companion.identity import Caller
from companion.models.declarations import QuestionnaireVersion
from companion.rules.questionnaires import (
    Condition,
    Outcome,
    Question,
    Questionnaire,
    Rule,
    VersionEvent,
    check_questionnaire,
    version_after,
)
from companion.services import new_id
from companion.store.organisation import note_change, own_unit
from companion.transaction import Transaction


def questionnaire_of(content: Mapping[str, Any]) -> Questionnaire:
    """The stored content as the rules read it."""
    return Questionnaire(
        questions=tuple(
            Question(
                question_id=one["question_id"],
                kind=one["kind"],
                text_sv=one["text_sv"],
                text_en=one["text_en"],
                required=one["required"],
                choices=tuple(one["choices"]),
                asked_when=None if one["asked_when"] is None else _condition(one["asked_when"]),
            )
            for one in content["questions"]
        ),
        rules=tuple(Rule(one["rule_id"], _condition(one["when"]), Outcome(one["outcome"])) for one in content["rules"]),
        valid_days=content["valid_days"],
    )


def _condition(stored: Mapping[str, Any]) -> Condition:
    return Condition(
        question_id=stored["question_id"],
        operator=stored["operator"],
        value=stored["value"],
        join=stored["join"],
        parts=tuple(_condition(part) for part in stored["parts"]),
    )


async def of_unit(transaction: Transaction, caller: Caller, unit_hsa_id: str) -> Sequence[QuestionnaireVersion]:
    """All versions of a unit's questionnaires, the newest of each first."""
    await own_unit(transaction, caller, unit_hsa_id)
    query = select(QuestionnaireVersion).where(QuestionnaireVersion.unit_hsa_id == unit_hsa_id)
    query = query.order_by(
        QuestionnaireVersion.title_sv, QuestionnaireVersion.form_id, QuestionnaireVersion.version.desc()
    )
    return (await transaction.session.scalars(query)).all()


async def add_form(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, fields: Mapping[str, Any]
) -> QuestionnaireVersion:
    """A new questionnaire of a unit: version 1, a draft."""
    unit = await own_unit(transaction, caller, unit_hsa_id)
    return _add(transaction, caller, new_id("fo"), 1, unit.provider_hsa_id, unit.hsa_id, fields)


async def add_version(
    transaction: Transaction, caller: Caller, form_id: str, fields: Mapping[str, Any]
) -> QuestionnaireVersion:
    """A new draft after the last version."""
    rows = await _versions(transaction, form_id)
    caller.require(transaction, _resource(rows[-1] if rows else None))
    last = rows[-1]
    number = last.version + 1
    return _add(transaction, caller, form_id, number, last.provider_hsa_id, last.unit_hsa_id, fields)


def _add(
    transaction: Transaction,
    caller: Caller,
    form_id: str,
    version: int,
    provider_hsa_id: str,
    unit_hsa_id: str,
    fields: Mapping[str, Any],
) -> QuestionnaireVersion:
    check_questionnaire(questionnaire_of(fields["content"]))
    row = QuestionnaireVersion(
        version_id=new_id("qv"),
        form_id=form_id,
        version=version,
        provider_hsa_id=provider_hsa_id,
        unit_hsa_id=unit_hsa_id,
        state="draft",
        changed_by=caller.principal.actor,
        changed_at=transaction.now,
        published_at=None,
        **fields,
    )
    transaction.session.add(row)
    note_change(transaction, caller, unit_hsa_id, "questionnaire drafted", {"form": form_id, "version": version})
    return row


async def change_draft(
    transaction: Transaction, caller: Caller, form_id: str, version: int, fields: Mapping[str, Any]
) -> QuestionnaireVersion:
    """Other content for a draft."""
    row = await own_version(transaction, caller, form_id, version)
    _step(row, "edit")
    check_questionnaire(questionnaire_of(fields["content"]))
    for name, value in fields.items():
        setattr(row, name, value)
    row.changed_by, row.changed_at = caller.principal.actor, transaction.now
    return row


async def publish_version(transaction: Transaction, caller: Caller, form_id: str, version: int) -> QuestionnaireVersion:
    """From now on this version is answered; the one before is retired."""
    row = await own_version(transaction, caller, form_id, version)
    for other in await _versions(transaction, form_id):
        if other.state == "published":
            _step(other, "retire")
    _step(row, "publish")
    row.published_at = transaction.now
    note_change(
        transaction, caller, row.unit_hsa_id, "questionnaire published", {"form": form_id, "version": row.version}
    )
    return row


async def own_version(transaction: Transaction, caller: Caller, form_id: str, version: int) -> QuestionnaireVersion:
    """One version, for somebody who may edit it."""
    rows = await _versions(transaction, form_id)
    row = next((one for one in rows if one.version == version), None)
    caller.require(transaction, _resource(row))
    assert row is not None
    return row


async def published(transaction: Transaction, form_id: str) -> QuestionnaireVersion | None:
    """The version that is answered now."""
    query = select(QuestionnaireVersion).where(
        QuestionnaireVersion.form_id == form_id, QuestionnaireVersion.state == "published"
    )
    return (await transaction.session.scalars(query)).one_or_none()


async def _versions(transaction: Transaction, form_id: str) -> Sequence[QuestionnaireVersion]:
    query = select(QuestionnaireVersion).where(QuestionnaireVersion.form_id == form_id)
    query = query.order_by(QuestionnaireVersion.version).with_for_update()
    return (await transaction.session.scalars(query)).all()


def _resource(row: QuestionnaireVersion | None) -> Resource | None:
    return None if row is None else Resource(provider_hsa_id=row.provider_hsa_id, unit_hsa_id=row.unit_hsa_id)


def _step(row: QuestionnaireVersion, event: VersionEvent) -> None:
    row.state = version_after(row.state, event)  # type: ignore[arg-type]  # only written from the same table
