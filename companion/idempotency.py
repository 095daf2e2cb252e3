"""Requests that may come twice and must do something once: the ``Idempotency-Key`` header.

The key's row is the first that the transaction writes. A second request with the key waits for the first one (on the
row in PostgreSQL, on the writer's lock in SQLite), and then gets the same answer. A request that failed has left no
row: it may be tried again with its key.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Header, Request, Response
from pydantic import BaseModel

from companion.errors import IDEMPOTENCY_KEY_REUSED, Problem
from companion.identity import Caller
from companion.models.outbox import IdempotencyKey
from companion.prepared import Prepared, all_columns, given, table
from companion.transaction import Transaction

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=8, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$"),
]
"""The header as a route's parameter."""
_JSON: Final = "application/json"

_KEYS: Final = table(IdempotencyKey)
_CLAIM: Final = Prepared(
    lambda insert: (
        insert(_KEYS).values(all_columns(IdempotencyKey)).on_conflict_do_nothing().returning(_KEYS.c.fingerprint)
    )
)
_ANSWERED: Final = Prepared(
    lambda _: (
        _KEYS.update()
        .where(_KEYS.c.actor == given("owner", _KEYS.c.actor), _KEYS.c.key == given("of_key", _KEYS.c.key))
        .values(status=given("status", _KEYS.c.status), body=given("body", _KEYS.c.body))
    )
)


async def once(
    caller: Caller,
    request: Request,
    key: str | None,
    status: int,
    act: Callable[[Transaction], Awaitable[BaseModel]],
    media_type: str = _JSON,
) -> Response:
    """Do ``act`` in a transaction and answer with what it gives; with a key, do it once."""
    fingerprint = "" if key is None else await _fingerprint(request)
    owner = "" if key is None else _owner(caller)
    async with caller.transaction() as transaction:
        if key is not None:
            known = await _claim(transaction, owner, key, fingerprint)
            if known is not None:
                return Response(
                    known.body, known.status, media_type=media_type, headers={"Idempotency-Replayed": "true"}
                )
        body = (await act(transaction)).model_dump_json()
        if key is not None:
            await _ANSWERED.rows(transaction, owner=owner, of_key=key, status=status, body=body)
    return Response(body, status, media_type=media_type)


async def _claim(transaction: Transaction, owner: str, key: str, fingerprint: str) -> IdempotencyKey | None:
    """Write the key's row; None when it is ours now, else the row with the answer that was given."""
    claimed = await _CLAIM.first(
        transaction, actor=owner, key=key, fingerprint=fingerprint, status=0, body="", created_at=transaction.now
    )
    if claimed is not None:
        return None
    row = await transaction.session.get_one(IdempotencyKey, (owner, key))
    if row.fingerprint != fingerprint:
        raise Problem(IDEMPOTENCY_KEY_REUSED, "Idempotency-Key")
    return row


def _owner(caller: Caller) -> str:
    """Whose key it is: an answer is given again only to whom it was given, acting for the same patient."""
    principal = caller.principal
    whole = "|".join((principal.kind, principal.actor, principal.subject or "", principal.unit_hsa_id or ""))
    return hashlib.sha256(whole.encode()).hexdigest()


async def _fingerprint(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(await request.body())
    return digest.hexdigest()
