"""What crosses the process border: the frozen request, the commands to a worker and the events it answers with.

Every number is bounded: an unbounded float lets `inf` in, which JSON writes as `null` and cannot read back.
`GenerationRequest` as JSON is also the database column, so it carries a version and old ones stay readable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from inference.base_models import BaseModelId
from inference.bounds import (
    MAX_CLIP_SKIP,
    MAX_COUNT,
    MAX_FLOW_SHIFT,
    MAX_GUIDANCE,
    MAX_LORAS,
    MAX_PICTURES,
    MAX_PROMPT,
    MAX_SIDE,
    MAX_STEPS,
    MAX_TRIGGER_GROUP,
    MAX_WEIGHT,
    MIN_CLIP_SKIP,
    MIN_GUIDANCE,
    MIN_STEPS,
    MIN_WEIGHT,
    SEEDS,
    SIZE_STEP,
)
from inference.content_rating import ContentRating
from inference.errors import Detail
from inference.regions import (
    LAYOUTS,
    MAX_BASE_SHARE,
    MAX_EDGE,
    MAX_REGIONS,
    PLACE_WORDS,
    USUAL_EDGE,
    RegionName,
    slots_of,
)

MAX_FILES = MAX_LORAS + 1  # that one job may need: its LoRAs, and a picture to start from
MAX_DENSE_BYTES = 2**30  # what a LoRA without a low-rank form may take in memory, unless the operator says otherwise
LORA_CACHE_BYTES = 2 * 2**30  # of LoRAs kept in host memory, unless the operator says otherwise
LORA_SET_BYTES = 2**30  # of folded sets of LoRAs kept in host memory, unless the operator says otherwise
EMBEDDING_CACHE_BYTES = 2**28  # of encoded prompts kept on the device, unless the operator says otherwise
MAX_CLASSES = 32  # of a classifier, whose scores are reported
MAX_CACHED_LORAS = 256  # that a worker reports to have cached
MAX_PLACES = 64  # pictures that an operator may have painted together
STATE_STEPS = 5  # between two states of a job that are kept, unless the operator says otherwise


class Sampler(StrEnum):
    """Samplers by the names people know; the engine maps them to diffusers' schedulers."""

    EULER = "euler"
    EULER_A = "euler_a"
    DDIM = "ddim"
    DPMPP_2M = "dpmpp_2m"
    DPMPP_2M_KARRAS = "dpmpp_2m_karras"
    DPMPP_2M_SDE = "dpmpp_2m_sde"
    UNIPC = "unipc"
    HEUN = "heun"
    LCM = "lcm"
    TCD = "tcd"


class Spacing(StrEnum):
    """How a sampler's steps lie between pure noise and the picture, by the names people know.

    The first three say which of the training's timesteps are taken: `leading` leaves out the noisiest, `linspace` has
    both ends, `trailing` begins at the noisiest. The others are levels of noise over the whole range.
    """

    LEADING = "leading"
    LINSPACE = "linspace"
    TRAILING = "trailing"
    KARRAS = "karras"
    EXPONENTIAL = "exponential"
    BETA = "beta"

    @classmethod
    def _missing_(cls, value: object) -> Spacing | None:
        return cls.TRAILING if value == "sgm_uniform" else None  # the web UIs' name


_BY_TIMESTEP = (Spacing.LEADING, Spacing.LINSPACE, Spacing.TRAILING)
_BY_TIMESTEP_OR_LEVEL = (*_BY_TIMESTEP, Spacing.KARRAS, Spacing.EXPONENTIAL)
# The samplers of a UNet. What diffusers' schedulers do well: its DDIM steps past the times of `linspace` and leaves
# noise. The consistency samplers have their own times, or those of `trailing`.
UNET_SPACINGS: dict[Sampler, tuple[Spacing, ...]] = {
    Sampler.EULER: _BY_TIMESTEP_OR_LEVEL,
    Sampler.EULER_A: _BY_TIMESTEP,
    Sampler.DDIM: (Spacing.LEADING, Spacing.TRAILING),
    Sampler.DPMPP_2M: _BY_TIMESTEP_OR_LEVEL,
    Sampler.DPMPP_2M_KARRAS: (Spacing.KARRAS,),
    Sampler.DPMPP_2M_SDE: _BY_TIMESTEP_OR_LEVEL,
    Sampler.UNIPC: _BY_TIMESTEP_OR_LEVEL,
    Sampler.HEUN: _BY_TIMESTEP_OR_LEVEL,
    Sampler.LCM: (Spacing.TRAILING,),
    Sampler.TCD: (Spacing.TRAILING,),
}
_OF_FLOW = (Spacing.TRAILING, Spacing.KARRAS, Spacing.EXPONENTIAL, Spacing.BETA)
# The samplers of flow matching, the usual one first.
FLOW_SPACINGS: dict[Sampler, tuple[Spacing, ...]] = {
    Sampler.EULER: _OF_FLOW,
    Sampler.DPMPP_2M: _OF_FLOW,
    Sampler.DPMPP_2M_KARRAS: (Spacing.KARRAS,),
    Sampler.DPMPP_2M_SDE: _OF_FLOW,
    Sampler.UNIPC: _OF_FLOW,
    Sampler.HEUN: _OF_FLOW,
    Sampler.LCM: _OF_FLOW,
}
# What any checkpoint offers; which are a checkpoint's, its `Capability.samplers` says.
SPACINGS: dict[Sampler, tuple[Spacing, ...]] = {
    sampler: tuple(each for each in Spacing if each in (*spacings, *FLOW_SPACINGS.get(sampler, ())))
    for sampler, spacings in UNET_SPACINGS.items()
}


class PredictionType(StrEnum):
    """What a checkpoint's denoiser predicts."""

    EPSILON = "epsilon"
    V_PREDICTION = "v_prediction"


class Offload(StrEnum):
    """When the networks of a checkpoint share the device in turns, and wait in host memory in between."""

    NEVER = "never"
    WHEN_SHORT = "when_short"
    ALWAYS = "always"


class NumberFormat(StrEnum):
    """The format of a checkpoint's numbers on an accelerator; `auto` is half precision."""

    AUTO = "auto"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class Quantisation(StrEnum):
    """How the weights of a denoiser are packed while it is loaded."""

    NONE = "none"
    NF4 = "nf4"  # bitsandbytes, 4 bits
    INT8 = "int8"  # bitsandbytes, 8 bits
    TORCHAO_INT8 = "torchao_int8"  # torchao, 8 bits of weights alone


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ShortHash = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
Label = Annotated[str, Field(min_length=1, max_length=100)]  # of a node of a cluster: its name, or its value
Name = Annotated[str, Field(min_length=1, max_length=100)]
TriggerGroup = Annotated[str, Field(min_length=1, max_length=MAX_TRIGGER_GROUP)]
Note = Annotated[str, Field(max_length=500)]
SpoolName = Annotated[str, Field(pattern=r"^[\w\-][\w.\-]{0,199}$")]  # of a file that lies in the spool itself
Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
Side = Annotated[int, Field(ge=16, le=MAX_SIDE, multiple_of=SIZE_STEP)]
Steps = Annotated[int, Field(ge=MIN_STEPS, le=MAX_STEPS)]
Guidance = Annotated[float, Field(ge=MIN_GUIDANCE, le=MAX_GUIDANCE, allow_inf_nan=False)]
FlowShift = Annotated[float, Field(gt=0, le=MAX_FLOW_SHIFT, allow_inf_nan=False)]
ClipSkip = Annotated[int, Field(ge=MIN_CLIP_SKIP, le=MAX_CLIP_SKIP)]
Weight = Annotated[float, Field(ge=MIN_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=SEEDS)]
JobId = Annotated[int, Field(ge=1, lt=2**63)]
Attempt = Annotated[int, Field(ge=1, le=1000)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Scores = Annotated[dict[Name, Score], Field(max_length=MAX_CLASSES)]  # of one picture, by class


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoraUse(_Frozen):
    """One file of a LoRA, known by its SHA-256, at a weight. The name is for people only.

    `region` is that region of the request to which it is applied; None: to the whole picture.
    """

    sha256: Sha256
    weight: Weight = 1.0
    name: Name
    trigger_words: Annotated[tuple[TriggerGroup, ...], Field(max_length=50)] = ()
    region: RegionName | None = None

    def applies_to(self, region: RegionName | None) -> bool:
        """Whether it is applied when the denoiser is asked for `region`; None: for the whole picture."""
        return self.region is None or self.region is region


class Region(_Frozen):
    """A region of the picture, with the person's words for what is there."""

    name: RegionName
    prompt: Prompt = ""


class FewStepUse(_Frozen):
    """The few-step LoRA or distilled checkpoint of a request, and the steps that it was made for."""

    name: Name
    least: Steps
    most: Steps


class SourceImage(_Frozen):
    """A picture to start from: a file in the inputs folder, named by its own SHA-256, and how much to change it.

    `strength` is the share of the denoising that is done, as in diffusers: 1 paints anew, near 0 keeps the picture. At
    0 it is only brought to the request's size, for which no worker is needed. `enlarged` says that it is a picture of
    ours, so many times as large as it was painted; `painted` that no picture of a person went into it. `rating` is that
    of the picture of ours; None: nothing has rated it, or a person gave it.
    """

    sha256: Sha256
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    enlarged: Annotated[int, Field(ge=1, le=8)] = 1
    painted: bool = False
    rating: ContentRating | None = None


class JobRequest(_Frozen):
    """What a job asks for, of whatever kind; nothing else is needed to do it, now or in a year.

    Defining a subclass registers it, so that stored requests are read again. Each one but `GenerationRequest` says by a
    field `kind`, a Literal with itself as default, of which kind it is. `checkpoint` is what a worker must serve.
    """

    version: Literal[1] = 1
    checkpoint: Name

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        kind = cls.model_fields.get("kind")
        _REQUESTS["" if kind is None else kind.default] = cls

    @staticmethod
    def stored(text: str) -> JobRequest:
        """The request of a row."""
        kind = json.loads(text).get("kind", "")
        return _REQUESTS.get(kind, GenerationRequest).model_validate_json(text)


_REQUESTS: dict[str, type[JobRequest]] = {}  # by kind


class GenerationRequest(JobRequest):
    """What to paint, and nothing else is needed to paint it. Sizes in pixels; picture i uses seed + i.

    With `variants` there is one picture for each, all with the same seed: variant j is the weights of all `loras`, in
    their order, in place of their own (0 leaves one out), which shows what a weight or a LoRA does. `count` is then
    the number of variants. `exact` paints alone, so that the same request gives the same picture to the bit.

    `clip_skip` is the layer of the text encoders that the prompt is read from, counted from the last one, as the field
    writes it; None is the usual one: 1 for Stable Diffusion, 2 for SDXL. diffusers counts from the usual one: its
    `clip_skip` is one less for Stable Diffusion and two less for SDXL.

    An empty `negative_prompt` is none at all, as None is in diffusers: SDXL guides away from zeros then. What diffusers
    makes of an empty text, the encoded nothing, is that of a single space here.

    `spacing` is that of the sampler's steps; None is the checkpoint's own. `flow_shift` is for checkpoints of flow
    matching: the constant by which their schedule is shifted towards noise, in place of the checkpoint's own shift.

    `prompt` is the person's own text; the checkpoint's quality tags and the LoRAs' trigger words stand beside it
    and join it only in `full_prompt`, so that editing a request never shows words the person did not write.

    With `regions`, those of one of `LAYOUTS`, each region has words of its own, and LoRAs: those whose `region` it is.
    `prompt` has the words for the ground then, which go into every region, as do LoRAs without a region. Where a region
    is, is added to its words. `rows` are those of the batch that a slot takes where the guidance does not tell
    (`inference.request_cost`). `region_edge` is how many latents wide one region passes into the next. `base_share` is
    the share of one more prediction for the whole picture, with all words and only the LoRAs without a region.
    """

    prompt: Prompt
    prompt_prefix: Annotated[str, Field(max_length=500)] = ""
    negative_prompt: Prompt = ""
    loras: Annotated[tuple[LoraUse, ...], Field(max_length=MAX_LORAS)] = ()
    width: Side
    height: Side
    steps: Steps
    guidance_scale: Guidance
    sampler: Sampler
    spacing: Spacing | None = None
    flow_shift: FlowShift | None = None
    seed: Seed
    count: Annotated[int, Field(ge=1, le=MAX_PICTURES)] = 1
    image: SourceImage | None = None
    variants: Annotated[tuple[tuple[Weight, ...], ...], Field(max_length=MAX_PICTURES)] = ()
    exact: bool = False
    clip_skip: ClipSkip | None = None
    few_steps: FewStepUse | None = None
    regions: Annotated[tuple[Region, ...], Field(max_length=MAX_REGIONS)] = ()
    region_edge: Annotated[int, Field(ge=0, le=MAX_EDGE)] = USUAL_EDGE
    base_share: Annotated[float, Field(ge=0, le=MAX_BASE_SHARE, allow_inf_nan=False)] = 0.0
    rows: Annotated[int, Field(ge=1, le=2)] | None = None

    @field_validator("regions")
    @classmethod
    def _regions_in_order(cls, regions: tuple[Region, ...]) -> tuple[Region, ...]:
        order = list(RegionName)
        return tuple(sorted(regions, key=lambda region: order.index(region.name)))

    @model_validator(mode="after")
    def _known_regions(self) -> Self:
        names = tuple(region.name for region in self.regions)
        if names and names not in LAYOUTS:
            raise ValueError("regions are those of one layout")
        if strange := next((use.region for use in self.loras if use.region not in (None, *names)), None):
            raise ValueError(f"a LoRA is for the region {strange.value}, which is not there")
        return self

    @model_validator(mode="after")
    def _bounded_words(self) -> Self:
        if len(self.own_words) > MAX_PROMPT:
            raise ValueError(f"the prompt and the words of all regions have at most {MAX_PROMPT} characters together")
        return self

    @model_validator(mode="after")
    def _whole_variants(self) -> Self:
        if any(len(weights) != len(self.loras) for weights in self.variants):
            raise ValueError("each variant gives one weight per LoRA")
        if self.variants and self.count != len(self.variants):
            raise ValueError("count is the number of its variants")
        if not self.variants and self.count > MAX_COUNT:
            raise ValueError(f"count is at most {MAX_COUNT}")
        return self

    @model_validator(mode="after")
    def _known_spacing(self) -> Self:
        if self.spacing is not None and self.spacing not in SPACINGS[self.sampler]:
            raise ValueError(f"{self.sampler.value} has no {self.spacing.value} spacing")
        return self

    @property
    def slots(self) -> tuple[RegionName | None, ...]:
        """What the denoiser is asked for each picture: each of its regions, or the whole picture (None), or both."""
        return slots_of([region.name for region in self.regions], self.base_share)

    @property
    def own_words(self) -> str:
        """All that the person wrote of what to paint, the words of regions first."""
        return joined_words(self.regions, self.prompt)

    @property
    def full_prompt(self) -> str:
        """The prompt for the whole picture: that of `prompt_of`, with the words of all regions."""
        return self.prompt_of(None)

    def prompt_of(self, slot: RegionName | None) -> str:
        """Prefix, trigger words that the words do not hold already, and the words, joined by commas.

        Those of one of `slots`; None: for the whole picture.
        """
        parts = (self.prompt_prefix.strip(" ,"), *self.trigger_words_of(slot), self.words_of(slot))
        return ", ".join(filter(None, parts))

    @property
    def slot_prompts(self) -> list[str]:
        """The prompt of each slot, picture after picture."""
        return [self.prompt_of(slot) for slot in self.slots] * self.count

    def words_of(self, slot: RegionName | None) -> str:
        """The person's words for a slot, with the places of the regions, as they end its prompt."""
        places = [_placed(region) for region in self.regions if slot in (None, region.name)]
        return ", ".join(filter(None, [*places, self.prompt]))

    def trigger_words_of(self, slot: RegionName | None) -> tuple[str, ...]:
        """The trigger words that stand before the person's words for a slot, which do not hold them."""
        words = self.words_of(slot)
        groups = (group for use in self.loras_of(slot) for group in use.trigger_words)
        return tuple(dict.fromkeys(word for group in groups for word in words_in(group) if not _says(words, word)))

    def loras_of(self, slot: RegionName | None) -> tuple[LoraUse, ...]:
        """The LoRAs that are applied in a slot."""
        return tuple(use for use in self.loras if not self.regions or use.applies_to(slot))

    def only(self, position: int) -> GenerationRequest:
        """The request that paints the picture at `position` (from 0) alone."""
        weights = self.variants[position] if self.variants else [use.weight for use in self.loras]
        uses = [use.model_copy(update={"weight": weight}) for use, weight in zip(self.loras, weights, strict=True)]
        loras = tuple(use for use in uses if use.weight) if self.variants else tuple(uses)
        return self.model_copy(
            update={"loras": loras, "seed": self.seeds[position], "count": 1, "variants": ()},
        )

    @property
    def seeds(self) -> list[int]:
        """The seed of each picture."""
        if self.variants:
            return [self.seed] * self.count
        return [(self.seed + i) % SEEDS for i in range(self.count)]


def joined_words(regions: Iterable[Region], prompt: str) -> str:
    """All that somebody wrote of what to paint, the words of regions first."""
    return ", ".join(text for text in (*(region.prompt for region in regions), prompt) if text)


def state_file(job_id: int) -> str:
    """The name that the state of an unfinished job has in the spool."""
    return f"job{job_id}.state.safetensors"


def attempt_files(job_id: int, attempt: int) -> str:
    """The beginning of the name of every file that an attempt at a job leaves in the spool."""
    return f"job{job_id}-{attempt}-"


def words_in(group: str) -> list[str]:
    """The words of a group, which commas part; one that has brackets stays whole, since its commas may be theirs."""
    if "(" in group or "[" in group:
        return [group.strip(" ,")]
    return [word for each in group.split(",") if (word := each.strip())]


def _placed(region: Region) -> str:
    """The words of a region, with its place unless they say it."""
    words, place = region.prompt.strip(" ,"), PLACE_WORDS[region.name]
    return words if not words or not place or _says(words, place) else f"{words} {place}"


def _says(prompt: str, word: str) -> bool:
    """Whether `word` stands in `prompt` in whatever case, and not as a part of a longer word."""
    return re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", prompt.casefold()) is not None


class CheckpointSpec(_Frozen):
    """A checkpoint as the operator declared it: what the worker loads, and what it is.

    `source` is a folder or a `.safetensors` file; with `repository` it is the id of a hub repository. `sha256` is that
    of the file it came in, `folder_sha256` that of a folder converted from it. `prediction_type` is the operator's
    word; `predicts` is what is known before loading, for early refusals, and None where nothing tells.
    `preview_decoder` is a folder or the hub's id of a tiny autoencoder (TAESD) that knows the same latents. `dtype` is
    the format of its numbers, where the device computes it without emulation; a CPU paints in single precision.
    `node_labels` are those of the nodes of a cluster that have the memory for it.
    `denoiser` is a GGUF file whose transformer takes the place of that in `source`; `quantise` packs that in `source`.
    """

    name: Name
    source: Annotated[str, Field(min_length=1, max_length=4096)]
    repository: bool = False
    base_model: BaseModelId
    prediction_type: PredictionType | None = None
    sha256: Sha256 | None = None
    short_hash: ShortHash | None = None
    folder_sha256: Sha256 | None = None
    predicts: PredictionType | None = None
    preview_decoder: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    dtype: NumberFormat = NumberFormat.AUTO
    node_labels: Annotated[tuple[tuple[Label, Label], ...], Field(max_length=20)] = ()
    denoiser: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    quantise: Quantisation = Quantisation.NONE


class ClassifierSpec(_Frozen):
    """The classifier of finished pictures: a folder, or with `repository` the id of a hub repository.

    The worker reports the scores of `classes`. It runs on the CPU, or `on_device`: on that of the worker.
    """

    source: Annotated[str, Field(min_length=1, max_length=4096)]
    repository: bool = False
    classes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    on_device: bool = False


# --- commands: bot -> worker -------------------------------------------------------------------------------------


class Folders(_Frozen):
    """Where a worker reads and writes, on the machine that it runs on.

    The library has the LoRA files and what is known of them, `inputs` the pictures to start from, each named by its
    SHA-256 and nothing else. Finished pictures, previews and states go into the spool. `caps` is the file of measured
    places; without one they are not kept. `embeddings` is the folder of encoded prompts, if they are kept in files.
    """

    library: Annotated[str, Field(min_length=1, max_length=4096)]
    spool: str
    inputs: Annotated[str, Field(max_length=4096)] = ""
    caps: Annotated[str, Field(max_length=4096)] = ""
    embeddings: Annotated[str, Field(max_length=4096)] = ""


class WorkerOptions(_Frozen):
    """What a worker may load and how it paints, on whatever machine.

    Every `state_steps` steps (0: never) the state of a job goes into the spool, where the next worker that gets the job
    finds it. As many pictures as `places` are painted together; None: as many as pay, which is measured.
    """

    checkpoints: Annotated[tuple[CheckpointSpec, ...], Field(max_length=1000)]
    device: Annotated[str, Field(max_length=32)] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    allowed_pairs: tuple[tuple[BaseModelId, BaseModelId], ...] = ()
    allow_v_on_epsilon: bool = False
    trust_tags: bool = False
    max_lora_bytes: Annotated[int, Field(ge=1, le=2**40)] = 4 * 2**30
    max_dense_bytes: Annotated[int, Field(ge=0, le=2**40)] = MAX_DENSE_BYTES
    lora_cache_bytes: Annotated[int, Field(ge=0, le=2**44)] = LORA_CACHE_BYTES
    lora_set_bytes: Annotated[int, Field(ge=0, le=2**44)] = LORA_SET_BYTES
    embedding_cache_bytes: Annotated[int, Field(ge=0, le=2**44)] = EMBEDDING_CACHE_BYTES
    embedding_file_bytes: Annotated[int, Field(ge=0, le=2**44)] = 0
    state_steps: Annotated[int, Field(ge=0, le=MAX_STEPS)] = STATE_STEPS
    offload: Offload = Offload.WHEN_SHORT
    compiled: bool = False
    expandable_segments: bool = True
    places: Annotated[int, Field(ge=1, le=MAX_PLACES)] | None = None
    classifier: ClassifierSpec | None = None


class Configure(WorkerOptions, Folders):
    """Before anything else, and again when the settings change: what a worker process may load, read and write.

    A worker that is configured again returns the jobs it has and drops what it has loaded.
    """

    type: Literal["configure"] = "configure"

    @classmethod
    def of(cls, options: WorkerOptions, folders: Folders) -> Self:
        """The configuration of a worker with these options whose files lie in these folders."""
        return cls(**dict(options), **dict(folders))


class Calibrate(_Frozen):
    """What `python -m bot calibrate` has measured: sizes in pixels, each of a checkpoint of `configure`."""

    configure: Configure
    sizes: tuple[tuple[Name, Side, Side], ...]


class Calibrated(_Frozen):
    """So many pictures share a pass, of which one with `n` pictures takes `seconds[n]`; or why nobody knows."""

    checkpoint: Name
    width: Side
    height: Side
    places: Annotated[int, Field(ge=1, le=1000)] | None = None
    seconds: dict[int, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    problem: Annotated[str, Field(max_length=300)] = ""


class JobCommand(_Frozen):
    """Do a job.

    `files` says where each file that the request names by its SHA-256 lies in the worker's own folders. The worker that
    submits the command to its process fills it in.
    """

    job_id: JobId
    attempt: Attempt
    files: Annotated[dict[Sha256, str], Field(max_length=MAX_FILES)] = {}


class Generate(JobCommand):
    """Paint a job."""

    type: Literal["generate"] = "generate"
    request: GenerationRequest


class Cancel(_Frozen):
    """Stop a job before its next step."""

    type: Literal["cancel"] = "cancel"
    job_id: JobId


class Shutdown(_Frozen):
    """Finish nothing, leave."""

    type: Literal["shutdown"] = "shutdown"


Command = Annotated[Configure | Generate | Cancel | Shutdown, Field(discriminator="type")]


# --- events: worker -> bot ---------------------------------------------------------------------------------------


class Ready(_Frozen):
    """The worker is configured and waits for jobs. While it compiles, it is silent for minutes."""

    type: Literal["ready"] = "ready"
    device: str
    pid: Annotated[int, Field(ge=1, lt=2**31)]
    compiles: bool = False


def lora_key(sha256: str) -> str:
    """The short form of a SHA-256 by which workers report cached LoRAs: enough to prefer one, and to trust nothing."""
    return sha256[:8]


class Capacity(_Frozen):
    """How many pictures the worker paints at once, as it is asked now, and what it holds in memory.

    `loaded` are checkpoints. `loras` are the files of LoRAs that it used last, each by its `lora_key`.
    """

    type: Literal["capacity"] = "capacity"
    places: Annotated[int, Field(ge=0, le=1000)]
    loaded: tuple[Name, ...] = ()
    loras: Annotated[tuple[ShortHash, ...], Field(max_length=MAX_CACHED_LORAS)] = ()


class _JobEvent(_Frozen):
    job_id: JobId
    attempt: Attempt


class Started(_JobEvent):
    """The worker has begun with the job (the checkpoint may still have to be loaded). Until then it waits there."""

    type: Literal["started"] = "started"


class Progress(_JobEvent):
    """`step` of `steps` is done, whatever a step is of this kind; `preview` is a small picture in the spool, or None.

    A job that takes steps is alive for the bot only as long as it reports them.
    """

    type: Literal["progress"] = "progress"
    step: Annotated[int, Field(ge=0, le=1000)]
    steps: Annotated[int, Field(ge=1, le=1000)]
    preview: SpoolName | None = None


class Lookups(_Frozen):
    """How often a cache of the worker had what was looked for, and how often not."""

    hits: Annotated[int, Field(ge=0, lt=2**53)] = 0
    misses: Annotated[int, Field(ge=0, lt=2**53)] = 0


class Finished(_JobEvent):
    """What the job was to make lies in the spool: pictures in their order. `seconds` of work, `peak_memory` in bytes.

    `notes` are sentences for the person: nothing went wrong, but the picture may not be what they expect; one for each
    LoRA and six about the checkpoint at most. `lookups` are all of the worker's since it last finished a job, by cache.
    `scores` are the classifier's, by class, for each picture; none without a classifier.
    """

    type: Literal["finished"] = "finished"
    files: Annotated[tuple[SpoolName, ...], Field(max_length=MAX_PICTURES)]
    seconds: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
    peak_memory: Annotated[int, Field(ge=0, lt=2**63)]
    notes: Annotated[tuple[Note, ...], Field(max_length=MAX_LORAS + 6)] = ()
    lookups: Annotated[dict[Name, Lookups], Field(max_length=32)] = {}
    scores: Annotated[tuple[Scores, ...], Field(max_length=MAX_PICTURES)] = ()


class Failed(_JobEvent):
    """The job ended without pictures; see `inference.errors`."""

    type: Literal["failed"] = "failed"
    code: Annotated[str, Field(max_length=64)]
    detail: Detail = {}


class Cancelled(_JobEvent):
    """The job was stopped because somebody asked for it."""

    type: Literal["cancelled"] = "cancelled"


class BadCommand(_Frozen):
    """A line arrived that is no command; the worker goes on."""

    type: Literal["bad_command"] = "bad_command"
    problem: Annotated[str, Field(max_length=2000)]


JobEvent = Started | Progress | Finished | Failed | Cancelled
Event = Annotated[
    Ready | Capacity | BadCommand | Started | Progress | Finished | Failed | Cancelled, Field(discriminator="type")
]

COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)
EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
