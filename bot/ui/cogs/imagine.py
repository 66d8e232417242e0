"""`/imagine` and `/imagine-nsfw`: order pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.i18n import _
from bot.pictures.inputs import DEFAULT_STRENGTH, MIN_STRENGTH
from bot.requests.drafts import LoraDraft, PendingRequest
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import (
    suggest_checkpoints,
    suggest_loras_or_links,
    suggest_samplers,
    suggest_spacings,
    suggest_stacks,
)
from bot.ui.cogs.options import OneOf
from bot.ui.uploads import take_upload
from bot.ui.views.jobs.linked_request import order
from inference.bounds import (
    MAX_CLIP_SKIP,
    MAX_COUNT,
    MAX_GUIDANCE,
    MAX_PROMPT,
    MAX_STEPS,
    MAX_WEIGHT,
    MIN_CLIP_SKIP,
    MIN_GUIDANCE,
    MIN_STEPS,
    MIN_WEIGHT,
    SEEDS,
)
from inference.errors import InvalidRequest
from inference.regions import RegionName

MAX_TERM = 40  # characters of the name of a sampler or spacing
PUBLIC = {"public": True}  # the reply is not ephemeral
NSFW_COMMAND = "imagine-nsfw"
Function = TypeVar("Function", bound=Callable[..., Any])


def _with_options(function: Function) -> Function:
    """What is said of the options, and what suggests their values: once for each command that is made of a function."""
    described = app_commands.describe(
        prompt="Describe the picture",
        checkpoint="Model to use",
        lora1="LoRA to use; your bookmarks come first",
        weight1="How strongly the LoRA applies (default: its recommended weight)",
        side1="Area of the picture for this LoRA. Divide the prompt with bars: left | right | everywhere",
        stack="One of your stacks, with its LoRAs and weights",
        image="Start picture, which the model changes",
        strength="How much to change the start picture: 0.3 keeps most of it, 0.8 keeps little of it",
        size="The shape of the picture",
        count="Number of pictures",
        steps="Number of denoising steps",
        guidance="How closely to follow the prompt",
        sampler="Method that turns noise into the picture; Easel suggests samplers for the model",
        clip_skip="Clip skip. Set it only if the model's author recommends a value, such as 2",
        fast="Generate faster with few steps, if the model has a few-step LoRA",
        spacing="How the sampler spaces its steps between noise and picture",
        seed="The same prompt, settings and seed give the same picture",
        negative_prompt="Things to leave out of the picture",
    )
    suggested = app_commands.autocomplete(
        checkpoint=suggest_checkpoints,
        lora1=suggest_loras_or_links,
        lora2=suggest_loras_or_links,
        lora3=suggest_loras_or_links,
        stack=suggest_stacks,
        sampler=suggest_samplers,
        spacing=suggest_spacings,
    )
    return suggested(described(function))


class ImagineCog(Cog):
    """Orders pictures, by two commands: Discord opens one to adults alone."""

    async def _imagine(
        self,
        interaction: Interaction,
        prompt: Range[str, 1, MAX_PROMPT],
        checkpoint: str | None = None,
        lora1: str | None = None,
        weight1: Range[float, MIN_WEIGHT, MAX_WEIGHT] | None = None,
        lora2: str | None = None,
        weight2: Range[float, MIN_WEIGHT, MAX_WEIGHT] | None = None,
        lora3: str | None = None,
        weight3: Range[float, MIN_WEIGHT, MAX_WEIGHT] | None = None,
        stack: str | None = None,
        image: discord.Attachment | None = None,
        strength: Range[float, MIN_STRENGTH, 1.0] | None = None,
        size: Literal["square", "portrait", "landscape"] | None = None,
        count: Range[int, 1, MAX_COUNT] = 1,
        steps: Range[int, MIN_STEPS, MAX_STEPS] | None = None,
        guidance: Range[float, MIN_GUIDANCE, MAX_GUIDANCE] | None = None,
        sampler: Range[str, 1, MAX_TERM] | None = None,
        seed: Range[int, 0, SEEDS - 1] | None = None,
        negative_prompt: Range[str, 0, MAX_PROMPT] | None = None,
        clip_skip: Range[int, MIN_CLIP_SKIP, MAX_CLIP_SKIP] | None = None,
        spacing: Range[str, 1, MAX_TERM] | None = None,
        fast: bool = False,
        side1: Annotated[RegionName, OneOf(RegionName)] | None = None,
        side2: Annotated[RegionName, OneOf(RegionName)] | None = None,
        side3: Annotated[RegionName, OneOf(RegionName)] | None = None,
    ) -> None:
        """Generate pictures from a prompt, with up to three LoRAs."""
        chosen = ((lora1, weight1, side1), (lora2, weight2, side2), (lora3, weight3, side3))
        for number, (name, weight, side) in enumerate(chosen, start=1):
            alone = f"weight{number}" if weight is not None else f"side{number}" if side is not None else None
            if alone and not name:
                problem = _("needs a LoRA. Please choose a LoRA in *lora{number}*").format(number=number)
                raise InvalidRequest(what=alone, problem=problem)
        if strength is not None and image is None:
            problem = _("applies only to a start picture. Please add a picture in *image*")
            raise InvalidRequest(what=_("The strength"), problem=problem)
        kept = None if image is None else await take_upload(interaction, image)
        request = PendingRequest(
            prompt=prompt,
            checkpoint=checkpoint,
            loras=tuple(LoraDraft(name=name, weight=weight, region=side) for name, weight, side in chosen if name),
            stack=stack,
            image=None if kept is None else kept.at(strength or DEFAULT_STRENGTH),
            image_shape=None if kept is None else (kept.width, kept.height),
            size=size,
            count=count,
            steps=steps,
            guidance_scale=guidance,
            sampler=sampler,
            spacing=spacing,
            seed=seed,
            negative_prompt=negative_prompt,
            clip_skip=clip_skip,
            fast=fast,
        )
        await order(interaction, request)

    imagine = app_commands.command(name="imagine", extras=PUBLIC)(_with_options(_imagine))
    imagine_nsfw = app_commands.command(
        name=NSFW_COMMAND,
        description="Generate pictures for adults, in age-restricted channels and direct messages",
        nsfw=True,
        extras=PUBLIC,
    )(_with_options(_imagine))
    imagine_nsfw.allowed_contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
