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
from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite

from companion.errors import IDEMPOTENCY_KEY_REUSED, Problem
from companion.identity import Caller
from companion.models.outbox import IdempotencyKey
from companion.transaction import Transaction

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=8, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$"),
]
"""The header as a route's parameter."""
_JSON: Final = "application/json"


async def once(
    caller: Caller,
    request: Request,
    key: str | None,
    status: int,
    act: Callable[[Transaction], Awaitable[BaseModel]],
    media_type: str = _JSON,
) -> Response:
    """Do ``act`` in a transaction and answer with what it gives; with a key, do it once."""
    async with caller.transaction() as transaction:
        if key is not None:
            known = await _claim(transaction, caller, key, await _fingerprint(request))
            if known is not None:
                return Response(
                    known.body, known.status, media_type=media_type, headers={"Idempotency-Replayed": "true"}
                )
        body = (await act(transaction)).model_dump_json()
        if key is not None:
            mine = (IdempotencyKey.actor == _owner(caller), IdempotencyKey.key == key)
            await transaction.session.execute(update(IdempotencyKey).where(*mine).values(status=status, body=body))
    return Response(body, status, media_type=media_type)


async def _claim(transaction: Transaction, caller: Caller, key: str, fingerprint: str) -> IdempotencyKey | None:
    """Write the key's row; None when it is ours now, else the row with the answer that was given."""
    insert = (postgresql if transaction.is_postgresql else sqlite).insert
    values = {"actor": _owner(caller), "key": key, "fingerprint": fingerprint, "created_at": transaction.now}
    statement = insert(IdempotencyKey).values(**values, status=0, body="").on_conflict_do_nothing()
    if await transaction.session.scalar(statement.returning(IdempotencyKey.actor)) is not None:
        return None
    row = await transaction.session.get_one(IdempotencyKey, (_owner(caller), key))
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
