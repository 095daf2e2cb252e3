"""The audit log in Redis: appended by any number of fronts, before the answer that it is about leaves.

===================  =======================================================================================
``ao:audit``         stream of entries; an entry's id is its number (``<number>-0``), its fields ``b`` the body
                     and ``h`` the hash
``{ao:audit}:head``  the signed head as text
``{ao:audit}:turn``  the front that may append next, for a moment, when several want to
``{ao:audit}:begin`` where the stream begins once its older part was trimmed: the last entry that is gone, signed
===================  =======================================================================================

The keys lie in one slot of a Redis Cluster. Several fronts append to one chain: a script compares the head that the
entries were linked to with the one that stands, and appends all of them or none. Who came second gets the turn: nobody
else may append until that front has linked again, so that each gets through however many there are. What waits while
one batch is under way goes into the next one (group commit), so the log costs one round trip, or two under contention,
however many requests there are.

A front remembers the highest head that it saw. If Redis comes back with less (a lost failover, or somebody cut the
end off), the front says so in its log, counts it, and writes it into the chain as an entry of its own.
"""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final, Literal

import structlog
from redis.asyncio import Redis

from auth.audit import (
    GENESIS,
    AuditEntry,
    AuditKeys,
    Fault,
    Head,
    LinkedEntry,
    SignedHead,
    Verification,
    Verifier,
    encode,
    is_begin,
    link_body,
    read_body,
    sign_begin,
    sign_head,
)

STREAM_KEY: Final = "ao:audit"
HEAD_KEY: Final = "{ao:audit}:head"
MAX_BATCH: Final = 256
"""Entries in one script call: about 100 kB, a few milliseconds of Redis."""
MAX_PENDING: Final = 10_000
"""Entries that wait for Redis; beyond them requests are refused at once."""
GIVE_UP_S: Final = 2.0
"""How long a batch waits for its turn; then what it is about is refused."""
TURN_MS: Final = 200
"""A front that got the turn and died holds the others up for no longer."""
_PAUSE_S: Final = (0.0005, 0.002)
"""Between two questions whether the turn is free again: about what a turn takes."""
WITNESS_INTERVAL_S: Final = 60.0
"""A log cut shorter than this ago may have been rolled back unseen by whoever holds only the application's log."""
_READ_COUNT: Final = 1000

ROLLED_BACK: Final = "audit_rolled_back"
"""Action of the entry that tells that earlier entries are gone."""

_log = structlog.get_logger(__name__)

TURN_KEY: Final = "{ao:audit}:turn"
BEGIN_KEY: Final = "{ao:audit}:begin"
_KEYS: Final = (STREAM_KEY, HEAD_KEY, TURN_KEY)

# KEYS: stream, head, turn. ARGV[1] this front, ARGV[2] milliseconds of a turn. Returns 'wait' while another front has
# the turn. ``stands`` is the end of the log: the head's text; when that is gone, number and hash of the stream's last
# entry; '' in an empty log.
_BEGIN: Final = """
local turn = redis.call('GET', KEYS[3])
if turn and turn ~= ARGV[1] then return 'wait' end
local stands = redis.call('GET', KEYS[2])
if not stands then
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  stands = last and (string.match(last[1], '^%d+') .. ' ' .. last[2][4]) or ''
end
"""
# Takes the turn; returns the end that stands.
_TAKE_TURN: Final = f"""{_BEGIN}
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return stands
"""
# ARGV further: the end that the entries are linked to, the new head, then number, body and hash of each entry.
# Returns nil when appended; else the end that stands, and this front has the turn.
_APPEND: Final = f"""{_BEGIN}
if stands ~= ARGV[3] then
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
  return stands
end
for i = 5, #ARGV, 3 do
  redis.call('XADD', KEYS[1], ARGV[i] .. '-0', 'b', ARGV[i + 1], 'h', ARGV[i + 2])
end
redis.call('SET', KEYS[2], ARGV[4])
if turn then redis.call('DEL', KEYS[3]) end
return false
"""
_WAIT: Final = b"wait"

AuditEvent = Literal["recorded", "relinked", "unavailable", "rolled_back", "head_forged"]


class AuditUnavailableError(Exception):
    """The entry could not be written, so what it is about must not happen (503). ``cause`` is for counters."""

    def __init__(self, cause: Literal["store", "busy", "head_forged", "closed"]) -> None:
        super().__init__(cause)
        self.code = "audit_unavailable"
        self.cause = cause


class AuditLog:
    """``record`` is the one way in. One instance per process, over the process's own Redis client."""

    def __init__(
        self,
        redis: "Redis",
        keys: AuditKeys,
        *,
        observe: Callable[[AuditEvent, int], None] = lambda _event, _count: None,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        """``observe`` is told what happened and to how many entries."""
        self._redis = redis
        self._keys = keys
        self._observe = observe
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311  # spreads load, guards nothing
        self._name = secrets.token_hex(8)
        self._append = redis.register_script(_APPEND)
        self._take_turn = redis.register_script(_TAKE_TURN)
        self._is_contended = False
        """Others wrote since: it is better to take the turn first than to link in vain."""
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._end, self._head = "", GENESIS
        """The end of the log as Redis writes it, and what it says."""
        self._highest = GENESIS
        self._loss: bytes | None = None
        """Told to the log with the next entry: that some are gone."""
        self._witness_at = 0.0
        self._is_closed = False

    async def record(self, entry: AuditEntry) -> None:
        """Write the entry; returns when it stands in the log, or raises ``AuditUnavailableError``."""
        if self._is_closed:
            raise AuditUnavailableError("closed")
        if len(self._pending) >= MAX_PENDING:
            self._observe("unavailable", 1)
            raise AuditUnavailableError("busy")
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((encode(entry, self._keys), written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await written

    async def close(self) -> None:
        """Write what waits; take no more."""
        self._is_closed = True
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        """Until nothing waits: one batch at a time."""
        while self._pending:
            batch, self._pending = self._pending[:MAX_BATCH], self._pending[MAX_BATCH:]
            error: AuditUnavailableError | None = None
            try:
                await self._commit([body for body, _ in batch])
            except AuditUnavailableError as unavailable:
                error = unavailable
            except Exception as failure:  # whatever it is: nobody may wait for ever, nothing goes unlogged
                _log.error("audit_unavailable", error=type(failure).__name__)
                error = AuditUnavailableError("store")
            self._observe("recorded" if error is None else "unavailable", len(batch))
            for _, written in batch:
                if written.done():  # its request was cancelled meanwhile
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(AuditUnavailableError(error.cause))
        self._writer = None

    async def _commit(self, bodies: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + GIVE_UP_S
        while loop.time() < give_up_at:
            stands = await self._try_to_take_turn() if self._is_contended else await self._try_to_append(bodies)
            if stands is None:
                return
            if stands == _WAIT:
                self._is_contended = True
                await asyncio.sleep(self._rng.uniform(*_PAUSE_S))
                continue
            end = stands.decode()
            self._is_contended = end != self._end
            if self._is_contended:
                self._observe("relinked", len(bodies))
                self._follow(end)
            stands = await self._try_to_append(bodies)  # nobody else may until the turn is over
            if stands is None:
                return
        raise AuditUnavailableError("busy")

    async def _try_to_take_turn(self) -> bytes:
        stands: bytes = await self._take_turn(keys=_KEYS, args=[self._name, TURN_MS])
        return stands

    async def _try_to_append(self, bodies: list[bytes]) -> bytes | None:
        """Link and append; None when that was done."""
        linked, head = [], self._head
        for body in bodies if self._loss is None else [self._loss, *bodies]:
            linked.append(link_body(head, body, self._keys))
            head = linked[-1].head
        new_end = sign_head(head, self._keys).to_text()
        arguments: list[Any] = [self._name, TURN_MS, self._end, new_end]
        for one in linked:
            arguments += [one.number, one.body, one.hash.hex()]
        stands: bytes | None = await self._append(keys=_KEYS, args=arguments)
        if stands is None:
            self._end, self._head, self._highest, self._loss = new_end, head, head, None
            self._witness()
        return stands

    def _witness(self) -> None:
        """Now and then the signed head goes to the application's log, which is kept elsewhere than Redis."""
        now = self._clock()
        if now >= self._witness_at:
            self._witness_at = now + WITNESS_INTERVAL_S
            _log.info("audit_head", head=self._end)

    def _follow(self, end: str) -> None:
        """Take over the end that stands in Redis: another front's, or an earlier one than this front has seen."""
        head = read_end(end)
        if head is None or (isinstance(head, SignedHead) and not head.is_authentic(self._keys)):
            _log.error("audit_head_forged")
            self._observe("head_forged", 1)
            raise AuditUnavailableError("head_forged")
        self._end, self._head = end, head.head if isinstance(head, SignedHead) else head
        highest = self._highest
        if self._head.number > highest.number:
            self._highest = self._head
        elif self._head != highest:
            _log.error("audit_rolled_back", entries=self._head.number, known_entries=highest.number)
            self._observe("rolled_back", highest.number - self._head.number)
            self._loss = encode(self._entry_of_loss(highest), self._keys)
            self._highest = self._head

    def _entry_of_loss(self, highest: Head) -> AuditEntry:
        return AuditEntry(
            at_ms=int(self._clock() * 1000),
            actor="alltid-oppet",
            on_behalf_of=None,
            commission=None,
            unit=None,
            provider=None,
            patient=None,
            action=ROLLED_BACK,
            outcome="failed",
            resource=f"audit:{highest.number}:{highest.hash.hex()}",
            address=None,
            request_id="",
        )


def read_end(end: str) -> SignedHead | Head | None:
    """What the script says stands: a signed head, an unsigned one (the signed one is gone), or None for neither."""
    if not end:
        return GENESIS
    number, _, digest = end.partition(" ")
    try:
        return Head(int(number), bytes.fromhex(digest)) if " " not in digest else SignedHead.parse(end)
    except ValueError:
        return None


async def entries(redis: "Redis", *, after: int = 0) -> AsyncIterator[LinkedEntry]:
    """The stored entries with a number above ``after``, in the stream's order."""
    position = f"({after}-0" if after else "-"
    while True:
        page: list[Any] = await redis.xrange(STREAM_KEY, min=position, count=_READ_COUNT) or []
        for entry_id, fields in page:
            yield _read(entry_id, fields)
        if len(page) < _READ_COUNT:
            return
        position = f"({page[-1][0].decode()}"


def _read(entry_id: bytes, fields: dict[bytes, bytes]) -> LinkedEntry:
    """What does not look like an entry becomes one that no check passes."""
    number, _, part = entry_id.decode().partition("-")
    try:
        digest = bytes.fromhex(fields.get(b"h", b"").decode())
    except ValueError:
        digest = b""
    body = fields.get(b"b", b"") if part == "0" else b""
    return LinkedEntry(int(number), body, digest)


async def stored_head(redis: "Redis") -> SignedHead | None:
    """The signed head in Redis; None when there is none or it cannot be read."""
    text: Any = await redis.get(HEAD_KEY)
    try:
        return SignedHead.parse(text.decode()) if text is not None else None
    except ValueError:
        return None


async def stored_begin(redis: "Redis", keys: AuditKeys) -> Head | None:
    """Where the stream begins: at the first entry of all, or after what was trimmed; None when that is forged."""
    text: Any = await redis.get(BEGIN_KEY)
    if text is None:
        return GENESIS
    try:
        signed = SignedHead.parse(text.decode())
    except ValueError:
        return None
    return signed.head if is_begin(signed, keys) else None


async def trim(redis: "Redis", keys: AuditKeys, *, held: Head, before_ms: int) -> int:
    """Take out the oldest entries: those from before an instant that are kept elsewhere, up to ``held``. Returns how
    many. What is not whole is left for whoever looks into it; the last entry stays always, since the next is linked
    to it.
    """
    begin = await stored_begin(redis, keys)
    last: list[Any] = await redis.xrevrange(STREAM_KEY, count=1) or []
    if begin is None or not last:
        return 0
    highest = min(held.number, int(last[0][0].partition(b"-")[0]) - 1)
    verifier = Verifier(keys, after=begin)
    async for entry in entries(redis, after=begin.number):
        if entry.number > highest or not _is_before(entry, before_ms) or not verifier.feed(entry):
            break
    new_begin = verifier.head
    if new_begin.number == begin.number:
        return 0
    await redis.set(BEGIN_KEY, sign_begin(new_begin, keys).to_text())
    await redis.xtrim(STREAM_KEY, minid=f"{new_begin.number + 1}-0", approximate=False)
    return new_begin.number - begin.number


def _is_before(entry: LinkedEntry, before_ms: int) -> bool:
    try:
        return int(read_body(entry.body)["at_ms"]) < before_ms
    except (ValueError, KeyError, TypeError):
        return False


async def verify_stored(
    redis: "Redis", keys: AuditKeys, *, after: Head | None = None, known: Iterable[SignedHead] = ()
) -> Verification:
    """Check the log in Redis from its begin (or ``after``) against its signed head, and that it contains the heads in
    ``known`` as far as they are not before that.

    The head is read first: entries that come while the log is read are beyond it and do not disturb.
    """
    stored = await stored_head(redis)
    after = after if after is not None else await stored_begin(redis, keys)
    if after is None:
        return Verification(GENESIS, Fault(0, "head_forged"))
    verifier = Verifier(keys, after=after, known=[*known, *([stored] if stored is not None else [])])
    is_whole, count = True, 0
    async for entry in entries(redis, after=after.number):
        count += 1
        is_whole = verifier.feed(entry)
        if not is_whole:
            break
    result = verifier.finish()
    if result.fault is None and stored is None and count:
        return Verification(result.head, Fault(result.head.number, "head_missing"))
    return result
