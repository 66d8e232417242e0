"""Staff propose a base model, and one operator decides."""

from __future__ import annotations

import asyncio

import pytest

from bot.database.loras.base_model_proposals import ProposalState
from bot.database.loras.catalogue import Lora
from bot.errors.decisions import DecidedAlready, ProposedAlready
from bot.errors.missing import NothingThere
from inference.messages.checkpoints import PredictionType
from tests.bot.database.conftest import PONY, add_lora
from tests.bot.servers.administration.staff import OPERATING, STAFF, log, told
from tests.bot.servers.world import (
    MANAGER,
    OPERATOR,
    SERVER,
    ServerWorld,
)


def sha256_of(lora: Lora) -> str:
    sha256 = lora.versions[0].sha256
    assert sha256 is not None
    return sha256


async def test_staff_propose_and_an_operator_confirms(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.db, "Komori")
    proposal = await administration.base_models.propose(STAFF, SERVER, sha256_of(lora), PONY, reason="its author said")
    with pytest.raises(ProposedAlready):
        await administration.base_models.propose(STAFF, SERVER, sha256_of(lora), PONY, reason="again")
    assert await administration.base_models.page(OPERATING, limit=5) == [proposal]
    assert not world.declarations.told

    decided = await administration.base_models.decide(OPERATING, proposal.id, confirmed=True)
    assert (decided.state, decided.decided_by) == (ProposalState.CONFIRMED, OPERATOR)
    ((sha256, base, who, reason),) = world.declarations.told
    assert (sha256, base, reason) == (sha256_of(lora), str(PONY), "its author said")
    assert str(OPERATOR) in who and str(MANAGER) in who
    with pytest.raises(DecidedAlready):
        await administration.base_models.decide(OPERATING, proposal.id, confirmed=False)
    assert [action for _, action, _ in told(await log(world))] == ["propose_base_model", "confirm_base_model"]


async def test_a_proposed_prediction_type_becomes_part_of_the_declaration(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.db, "Komori")
    sha256 = sha256_of(lora)
    plain = await administration.base_models.propose(STAFF, SERVER, sha256, PONY, reason="its author said")
    v = await administration.base_models.propose(
        STAFF, SERVER, sha256, PONY, reason="its page says so", prediction=PredictionType.V_PREDICTION
    )
    assert (plain.prediction, v.prediction) == (None, PredictionType.V_PREDICTION)
    with pytest.raises(ProposedAlready):
        await administration.base_models.propose(
            STAFF, SERVER, sha256, PONY, reason="again", prediction=PredictionType.V_PREDICTION
        )
    assert await administration.base_models.page(OPERATING, limit=5) == [plain, v]
    await administration.base_models.decide(OPERATING, v.id, confirmed=True)
    await administration.base_models.decide(OPERATING, plain.id, confirmed=True)
    assert world.declarations.predictions == [PredictionType.V_PREDICTION, None]


async def test_what_was_rejected_may_be_proposed_again(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.db, "Komori")
    proposal = await administration.base_models.propose(STAFF, SERVER, sha256_of(lora), PONY, reason="a guess")
    await administration.base_models.decide(OPERATING, proposal.id, confirmed=False)
    assert not world.declarations.told
    await administration.base_models.propose(STAFF, SERVER, sha256_of(lora), PONY, reason="its author said")
    with pytest.raises(NothingThere):
        await administration.base_models.propose(STAFF, SERVER, "f" * 64, PONY, reason="x")


async def test_a_declaration_that_cannot_be_written_leaves_the_proposal_open(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.db, "Komori")
    proposal = await administration.base_models.propose(STAFF, SERVER, sha256_of(lora), PONY, reason="x")
    world.declarations.fails = True
    with pytest.raises(OSError, match="full"):
        await administration.base_models.decide(OPERATING, proposal.id, confirmed=True)
    assert await administration.base_models.page(OPERATING, limit=5) == [proposal]


async def test_two_operators_decide_once(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.db, "Komori")
    proposal = await administration.base_models.propose(STAFF, SERVER, sha256_of(lora), PONY, reason="x")
    ends = await asyncio.gather(
        *(
            administration.base_models.decide(OPERATING, proposal.id, confirmed=confirmed)
            for confirmed in (False, True)
        ),
        return_exceptions=True,
    )
    (decided,) = [end for end in ends if not isinstance(end, DecidedAlready)]
    assert not isinstance(decided, BaseException)
    assert bool(world.declarations.told) == (decided.state is ProposalState.CONFIRMED)
