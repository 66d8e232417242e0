"""Names of LoRAs in stacks, requests and drafts, where not every content rating is shown."""

from __future__ import annotations

from collections.abc import Collection

from bot.database.database import Database
from bot.database.loras.catalogue import LORAS_OF_FILES
from bot.database.loras.search import Shown
from bot.i18n import _
from bot.i18n.texts import lora_name
from inference.messages.request import GenerationRequest


async def names_withheld(db: Database, sha256s: Collection[str], shown: Shown) -> dict[str, str]:
    """Return what to call the LoRAs with these files whose content rating is not `shown`, by SHA-256."""
    if shown is None or not sha256s:
        return {}
    known = await db.all(LORAS_OF_FILES, sorted(sha256s))
    names = {} if None in shown else dict.fromkeys(sha256s, _("a LoRA that is not shown here"))
    for lora in known:
        names.pop(lora.sha256, None)
    return names | {lora.sha256: lora_name(lora, shown) for lora in known if lora.content_rating not in shown}


async def request_named_for(db: Database, request: GenerationRequest, shown: Shown) -> GenerationRequest:
    """Return the request without the names of LoRAs whose content rating is not `shown`. Only for texts about it."""
    names = await names_withheld(db, {use.sha256 for use in request.loras}, shown)
    loras = tuple(use.model_copy(update={"name": names.get(use.sha256, use.name)}) for use in request.loras)
    return request.model_copy(update={"loras": loras})
