"""Statements of the hot path: written with SQLAlchemy, compiled once, run by the driver.

SQLAlchemy's own cache spares the compiling; building a statement, finding it in the cache, and the result objects
around the rows cost many times what the database does for a lookup by key. A ``Prepared`` pays for that once per kind
of database. What it reads are plain rows, in the order of the statement's columns; it puts nothing into a session. A
session that has unwritten changes is flushed before, as SQLAlchemy does by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import BindParameter, Dialect, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url

from companion.models.base import Base
from companion.transaction import Transaction

_Model = TypeVar("_Model", bound=Base)
Build = Callable[[Any], Any]
"""Makes the statement; given is the ``insert`` of the kind of database, which knows ``on_conflict_do_nothing``."""


@dataclass(frozen=True)
class _Compiled:
    text: str
    binds: Sequence[tuple[str, Any, Callable[[Any], Any] | None]]
    """In order: the name, what it is when nobody says (literals in the statement), and how it gets to the driver."""
    results: Sequence[tuple[int, Callable[[Any], Any]]]
    """Which columns the driver does not give as they are, and how they are read."""


class Prepared:
    """A statement whose values are ``given``."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._compiled: dict[bool, _Compiled] = {}

    async def rows(self, transaction: Transaction, **values: Any) -> Sequence[Sequence[Any]]:
        """Run it; what it gives."""
        compiled = self._compiled.get(transaction.is_postgresql) or self._compile(transaction.is_postgresql)
        driver = await transaction.settled_driver()
        arguments = [
            bind(values.get(name, default)) if bind is not None else values.get(name, default)
            for name, default, bind in compiled.binds
        ]
        rows = await driver.fetch(compiled.text, arguments)
        if not compiled.results:
            return rows
        found = []
        for row in rows:
            changed = list(row)
            for index, read in compiled.results:
                changed[index] = read(changed[index])
            found.append(changed)
        return found

    async def first(self, transaction: Transaction, **values: Any) -> Sequence[Any] | None:
        """Run it; the first row, if there is one."""
        rows = await self.rows(transaction, **values)
        return rows[0] if rows else None

    def _compile(self, is_postgresql: bool) -> _Compiled:
        url = make_url("postgresql+asyncpg://" if is_postgresql else "sqlite+aiosqlite://")
        dialect: Any = url.get_dialect()()
        statement = self._build((postgresql if is_postgresql else sqlite).insert)
        # Lists that stand in the statement are written out.
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        binds = [
            (name, compiled.params.get(name), _bind_processor(compiled.binds.get(name), dialect))
            for name in compiled.positiontup
        ]
        columns = getattr(statement, "exported_columns", ())
        results = [(index, _result_processor(column.type, dialect)) for index, column in enumerate(columns)]
        made = _Compiled(compiled.string, binds, [(index, read) for index, read in results if read is not None])
        self._compiled[is_postgresql] = made
        return made


def _bind_processor(bind: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    if bind is None:  # one of a list that was written out
        return None
    found: Callable[[Any], Any] | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return found


def _result_processor(kind: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    found: Callable[[Any], Any] | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return found


def table(model: type[Base]) -> Table:
    """The table of a model: statements on tables carry nothing of the mapper."""
    found: Any = model.__table__
    assert isinstance(found, Table)
    return found


def given(name: str, column: Any) -> BindParameter[Any]:
    """A value that whoever runs the statement says, of the type of a column."""
    return bindparam(name, None, type_=column.type)


def all_columns(model: type[Base], *, but: str = "") -> Mapping[str, Any]:
    """For ``insert(...).values``: every column of the model is given by its name."""
    return {column.name: given(column.name, column) for column in table(model).columns if column.name != but}


def plain(model: type[_Model]) -> Callable[[Sequence[Any]], _Model]:
    """Makes of a row of ``columns_of`` what reads like the model, belongs to no session and cannot be changed."""
    names = [column.name for column in table(model).columns]
    made = make_dataclass(
        f"{model.__name__}Row", [(name, Any) for name in names], frozen=True, slots=True, repr=False, eq=False
    )
    return lambda row: cast("_Model", made(*row))


def columns_of(model: type[Base]) -> Sequence[Any]:
    """All columns of a model's table, for ``select``."""
    return list(table(model).columns)
