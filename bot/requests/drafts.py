"""What a person asked for, before it is checked: a draft, which becomes a request in `bot.requests.builder`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bot.requests.variants import Sweep
from inference.messages.request import Region, SourceImage
from inference.messages.values import Sha256
from inference.regions import USUAL_EDGE, RegionName, slots_of

OWN = "own"  # as a spacing: the checkpoint's own, chosen and not left open


class LoraDraft(BaseModel):
    """A LoRA of a draft, by its name as a person typed it, or by `#ID` as a menu gives it.

    Without a weight, the recommended one is used. `sha256` names one version, as stacks and pictures do: it is used
    if it fits, else another version of the entry that fits. Without `trigger_words`, the usual group joins the prompt;
    of those given, the ones that the version has. `region` is that region of the draft which it is for; None: the whole
    picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    name: str
    weight: float | None = None
    sha256: Sha256 | None = None
    trigger_words: tuple[str, ...] | None = None
    region: RegionName | None = None


class RequestDraft(BaseModel):
    """What a person asked for, not checked yet. None means the checkpoint's default, for the seed a random one.

    When it is `fast`, the few-step LoRA of the checkpoint joins. A `spacing` of OWN and a `flow_shift` of 0 are those
    of the checkpoint's own schedule.

    With `regions`, each has words and LoRAs of its own, and `prompt` has the words for the ground. `region_edge` and
    `base_share` are those of a request.

    With `sweep` or `compare`, each variant of the weights is one picture, and `count` is ignored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    checkpoint: str | None = None
    loras: tuple[LoraDraft, ...] = ()
    size: str | None = None
    count: int = 1
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    spacing: str | None = None
    flow_shift: float | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    sweep: Sweep | None = None
    compare: bool = False
    image: SourceImage | None = None
    clip_skip: int | None = None
    fast: bool = False
    regions: tuple[Region, ...] = ()
    region_edge: int = USUAL_EDGE
    base_share: float = 0.0

    @property
    def slots(self) -> int:
        """The number of slots that each picture takes, as its request has them."""
        return len(slots_of([region.name for region in self.regions], self.base_share))


class PendingRequest(RequestDraft):
    """A draft as a person sent it, whose prompt and LoRAs may be links: it goes on once these LoRAs are added.

    The LoRAs of `stack` join it. Without a size it gets the one whose aspect ratio is nearest to the `image_shape`, in
    pixels. `also` are LoRAs named by the hash of a file: those join that are in the library by then.
    """

    stack: str | None = None
    image_shape: tuple[int, int] | None = None
    also: tuple[LoraDraft, ...] = ()

    def draft(self) -> RequestDraft:
        """The draft alone."""
        return RequestDraft.model_validate(self.model_dump(include=set(RequestDraft.model_fields)))
