"""Whether the companion can serve."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from companion.identity import public
from companion.services import Services

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The companion and its database answer."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz(services: Annotated[Services, public("It says only that the service runs.")]) -> Health:
    """The database answers; else 503."""
    async with services.database.reading(services.clock()) as transaction:
        await transaction.session.execute(text("SELECT 1"))
    return Health()
