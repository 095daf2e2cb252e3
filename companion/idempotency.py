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
) -> Response:
    """Do ``act`` in a transaction and answer with what it gives; with a key, do it once."""
    async with caller.transaction() as transaction:
        row = None
        if key is not None:
            row = await _claim(transaction, caller, key, await _fingerprint(request))
            if row.status:
                return Response(row.body, row.status, media_type=_JSON, headers={"Idempotency-Replayed": "true"})
        body = (await act(transaction)).model_dump_json()
        if row is not None:
            row.status, row.body = status, body
    return Response(body, status, media_type=_JSON)


async def _claim(transaction: Transaction, caller: Caller, key: str, fingerprint: str) -> IdempotencyKey:
    """The key's row: with status 0 when it is ours, with the answer when there was one."""
    insert = (postgresql if transaction.is_postgresql else sqlite).insert
    values = {"actor": _owner(caller), "key": key, "fingerprint": fingerprint, "created_at": transaction.now}
    statement = insert(IdempotencyKey).values(**values, status=0, body="").on_conflict_do_nothing()
    await transaction.session.execute(statement)
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
