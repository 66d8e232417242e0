"""What a worker has to say about a picture although nothing went wrong: whole sentences, in English.

They are kept with the job as they are. Who speaks another language finds their template again, and the names in it.
"""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from inference.regions import divided

if TYPE_CHECKING:
    from inference.capabilities import Capability
    from inference.messages.request import GenerationRequest

NO_NEGATIVE_PROMPT = "{checkpoint} does not use negative prompts, so Easel ignored yours."
UNGUIDED = "{checkpoint} uses a negative prompt only with guidance above {least}, so Easel ignored yours."
NO_REGIONS = "{checkpoint} generates each picture from one prompt, so the bars (|) in your prompt had no effect."
NOT_DIVIDED = (
    "On {checkpoint}, bars (|) divide a prompt only if you set the options side1 and side2. Easel did not "
    "divide your prompt."
)
NO_CLIP_SKIP = "{checkpoint} does not use clip skip, so Easel ignored your value for clip skip."
NO_SPACING = "{checkpoint} starts from pure noise, so Easel used trailing spacing instead of {spacing} spacing."
NO_FLOW_SHIFT = "{checkpoint} does not use flow shift, so Easel ignored your value for flow shift."
OTHER_SAMPLER = "{checkpoint} does not offer the sampler {sampler}, so Easel used {used}."
OTHER_SPACING = "{checkpoint} does not offer {spacing} spacing, so Easel used the model's own schedule."
OTHER_PREDICTION = (
    "{lora} was trained for {trained}, but {checkpoint} uses {predicted}. The picture may not look as expected."
)
UNKNOWN_PREDICTION = (
    "Easel does not know whether {lora} is made for v-prediction or for epsilon prediction. If the type "
    "does not match {checkpoint}, pictures look bad."
)
TEMPLATES = (
    *(NO_NEGATIVE_PROMPT, UNGUIDED, NO_REGIONS, NOT_DIVIDED, NO_CLIP_SKIP, NO_SPACING, NO_FLOW_SHIFT),
    *(OTHER_SAMPLER, OTHER_SPACING, OTHER_PREDICTION),
    UNKNOWN_PREDICTION,
)


def left_out(request: GenerationRequest, capability: Capability) -> tuple[str, ...]:
    """What of a request its checkpoint, which can be asked for so much, has no use for.

    A request has a negative prompt without effect only where the person wrote it. Bars in the prompt of one LoRA, or
    of none, may mean anything where regions are offered.
    """
    names, notes = {"checkpoint": request.checkpoint}, list[str]()
    if request.negative_prompt and not capability.negative_prompt:
        notes.append(NO_NEGATIVE_PROMPT.format(**names))
    elif request.negative_prompt and not capability.heeds_negative_prompt(request.guidance_scale):
        notes.append(UNGUIDED.format(**names, least=f"{capability.unguided:g}"))
    if not request.regions and len(divided(request.prompt)) > 1:
        if not capability.regions:
            notes.append(NO_REGIONS.format(**names))
        elif len(request.loras) > 1:
            notes.append(NOT_DIVIDED.format(**names))
    if request.clip_skip and not capability.clip_skip:
        notes.append(NO_CLIP_SKIP.format(**names))
    if request.sampler not in capability.samplers:
        notes.append(OTHER_SAMPLER.format(**names, sampler=request.sampler, used=capability.usual_sampler))
    elif request.spacing is not None and request.spacing not in capability.samplers[request.sampler]:
        notes.append(OTHER_SPACING.format(**names, spacing=request.spacing))
    if request.flow_shift is not None and not capability.flow:
        notes.append(NO_FLOW_SHIFT.format(**names))
    return tuple(notes)


def template_and_names(note: str) -> tuple[str, dict[str, str]]:
    """The template of a note, and what stands in its braces; any other sentence is its own template."""
    for template in TEMPLATES:
        if names := _names_in(note, template):
            return template, names
    return note, {}


def _names_in(note: str, template: str) -> dict[str, str]:
    """What stands in the braces of `template`; nothing where the note is not of it.

    Read from the end, since only a LoRA's name, which comes first, is a stranger's and may hold the words between.
    """
    names: dict[str, str] = {}
    rest = note
    for words, name, _, _ in reversed(list(Formatter().parse(template))):
        if not words:
            rest, value = "", rest
        elif name is None:
            rest, value = rest.removesuffix(words), words if rest.endswith(words) else ""
        else:
            rest, _, value = rest.rpartition(words)
        if not value:
            return {}
        if name is not None:
            names[name] = value
    return {} if rest else names
