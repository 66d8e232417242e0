"""The `[[checkpoints]]` of config.toml: each checkpoint's files, base model and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from bot.config.section import Repository, Section
from bot.config.sections.worker import Device
from inference.base_models import Architecture, BaseModelId
from inference.bounds import MAX_SIDE
from inference.capabilities import Capability, capability_of
from inference.content_rating import ContentRating
from inference.lora.few_steps import FewStepRecipe, FewSteps, checkpoint_few_steps
from inference.messages.checkpoints import CheckpointSpec, NumberFormat, PredictionType, Quantisation
from inference.messages.samplers import Sampler, Spacing
from inference.messages.values import ClipSkip, Guidance, Label, Prompt, Sha256, Side, Steps


class Size(BaseModel):
    """Width and height in pixels, written `832x1216` in the settings."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"type": "string", "examples": ["832x1216"]},  # as the settings write it
    )

    width: Side
    height: Side

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        width, cross, height = value.lower().partition("x")
        if not (cross and width.isdecimal() and height.isdecimal()):
            raise ValueError("write a size as WIDTHxHEIGHT, for example 832x1216")
        return {"width": int(width), "height": int(height)}

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def shape(self) -> str:
        """portrait, landscape or square: the names that people choose by."""
        if self.width == self.height:
            return "square"
        return "portrait" if self.width < self.height else "landscape"


_SDXL_SIZES = tuple(Size(width=w, height=h) for w, h in ((1024, 1024), (832, 1216), (1216, 832)))
_SD1_SIZES = tuple(Size(width=w, height=h) for w, h in ((512, 512), (512, 768), (768, 512)))
DEFAULT_SIZES: Mapping[Architecture, tuple[Size, ...]] = {
    Architecture.SD1: _SD1_SIZES,
    Architecture.SD2: tuple(Size(width=w, height=h) for w, h in ((768, 768), (640, 896), (896, 640))),
    Architecture.SDXL: _SDXL_SIZES,
    Architecture.DEMO: tuple(Size(width=w, height=h) for w, h in ((64, 64), (48, 80), (80, 48))),
}


def _plain_name(name: str) -> str:
    if not name.strip() or any(character in name for character in ',:"<>\n\t'):
        raise ValueError("a name is one line without commas, colons, quotes and angle brackets")
    return name


class CheckpointSettings(Section):
    """A checkpoint: its base model, its file and its defaults. The first size is the default."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain_name)] = Field(examples=["Pony"])
    """Name that users choose."""
    path: Path | None = Field(default=None, examples=["/srv/models/ponyDiffusionV6XL.safetensors"])
    """Path of a diffusers folder or a .safetensors file …"""
    repository: Repository | None = Field(default=None, examples=["stabilityai/stable-diffusion-xl-base-1.0"])
    """… or a Hugging Face repository, downloaded at first use."""
    base_model: BaseModelId = Field(examples=["sdxl/pony"])
    """Base model as architecture/lineage. Only LoRAs of the same base model are used with it."""
    prediction_type: PredictionType | None = None
    """epsilon or v_prediction. Default: as the checkpoint's configuration says."""
    source_sha256: Sha256 | None = Field(default=None, examples=["0a1b" * 16])
    """SHA-256 of the single file that this folder was converted from. LoRAs record that hash."""
    rating: ContentRating | None = None
    """Rating of its pictures if the prompt says nothing: general, teen, mature or explicit. Default: unrated."""
    max_rating: ContentRating | None = None
    """Highest rating that its licence permits. Default: as known for its architecture or repository."""
    devices: Annotated[tuple[Device, ...], Field(max_length=64)] = Field(default=(), examples=[["cuda:0"]])
    """Devices of [worker] with enough memory for it. Default: all."""
    node_labels: Annotated[dict[Label, Label], Field(max_length=20)] = Field(default={}, examples=[{"gpu": "24gb"}])
    """In a cluster: labels of nodes with enough memory for it, such as { gpu = "24gb" }. Default: all nodes."""
    sizes: Annotated[tuple[Size, ...], Field(max_length=24)] = Field(default=(), examples=[["1024x1024", "832x1216"]])
    """Sizes that users can choose, the default first. If left out: the usual sizes of the architecture."""
    steps: Steps = 28
    """Default number of denoising steps. If left out: the usual number of the base model."""
    guidance_scale: Guidance = 6.0
    """Guidance scale: how strictly the prompt is followed. If left out: the usual value of the base model."""
    sampler: Sampler = Sampler.DPMPP_2M_KARRAS
    """euler, euler_a, ddim, dpmpp_2m, dpmpp_2m_karras, dpmpp_2m_sde, unipc, heun, lcm or tcd.
    If left out: the usual one of the base model."""
    spacing: Spacing | None = None
    """Spacing of the steps: leading, linspace, trailing, karras, exponential or beta. Default: the checkpoint's."""
    fast: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, examples=["Lightning 8 steps"]
    )
    """Name in the library of the few-step LoRA that is added when a user chooses *fast*."""
    clip_skip: ClipSkip | None = Field(default=None, examples=[2])
    """Text encoder layer to use, counted from the last. Many anime models of SD 1.5 need 2."""
    negative_prompt: Prompt = Field(default="", examples=["worst quality, low quality"])
    """Negative prompt if the user gives none."""
    prompt_prefix: Annotated[str, Field(max_length=500)] = Field(default="", examples=["score_9, score_8_up"])
    """Quality tags added before every prompt, such as "score_9, score_8_up"."""
    preview_decoder: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None, examples=["madebyollin/taesdxl"]
    )
    """Folder or Hugging Face repository of a tiny autoencoder for sharper previews, such as madebyollin/taesdxl."""
    dtype: NumberFormat = NumberFormat.AUTO
    """Number format on a GPU: auto, float16, bfloat16 or float32. auto is half precision."""
    denoiser: Path | None = Field(default=None, examples=["flux1-dev-Q4_K_S.gguf"])
    """.gguf file with a transformer that replaces the transformer of the folder or repository. Needs the extra gguf."""
    quantise: Quantisation = Quantisation.NONE
    """Quantisation of the transformer: nf4 or int8 (extra bitsandbytes, NVIDIA cards), or torchao_int8
    (extra torchao)."""
    repaint_pixels: Annotated[int, Field(ge=1, le=MAX_SIDE**2)] | None = Field(default=None, examples=[2048 * 2048])
    """Maximum pixels (width x height) of a picture that *Upscale* refines. Default: four times the largest size."""
    _guidance_is_input: bool = PrivateAttr(default=False)  # of its denoiser, as its files say

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.path is None) == (self.repository is None):
            raise ValueError("give either a path or a repository")
        if self.denoiser is not None and self.quantise is not Quantisation.NONE:
            raise ValueError("a GGUF denoiser is already quantised: leave out denoiser or quantise")
        self._fill_in(self.recipe)
        offered = self.capability.samplers
        if self.sampler not in offered:
            raise ValueError(f"{self.base_model} has no {self.sampler.value} sampler, but {', '.join(offered)}")
        if self.spacing is not None and self.spacing not in offered[self.sampler]:
            raise ValueError(f"{self.sampler.value} has no {self.spacing.value} spacing")
        if not self.sizes and self.base_model.architecture not in DEFAULT_SIZES:
            object.__setattr__(self, "sizes", _SDXL_SIZES)
        if not self.sizes:
            object.__setattr__(self, "sizes", DEFAULT_SIZES[self.base_model.architecture])
        return self

    def _fill_in(self, recipe: FewStepRecipe | None) -> None:
        """Settings that were left out, as a distilled checkpoint was made for, or as is usual for its base model."""
        usual: dict[str, object] = {"sampler": self.capability.usual_sampler}
        if self.capability.usual is not None:
            usual |= zip(("steps", "guidance_scale"), self.capability.usual, strict=True)
        if recipe is not None:
            own = {"steps": recipe.steps, "guidance_scale": recipe.guidance}
            usual |= {name: value for name, value in own.items() if value is not None}
            if recipe.sampler is not None and "sampler" not in self.model_fields_set:
                usual |= {"sampler": recipe.sampler, "spacing": recipe.spacing}
        for name, value in usual.items():
            if value is not None and name not in self.model_fields_set:
                object.__setattr__(self, name, value)

    @property
    def capability(self) -> Capability:
        """What it can be asked for; where its base model is not painted at all, what any can."""
        found = capability_of(self.base_model) or Capability("")
        return found.guided_by_input if self._guidance_is_input else found

    def identified(self, spec: CheckpointSpec) -> Self:
        """These settings of a checkpoint whose files say what `spec` has of them."""
        found = self.model_copy()
        found._guidance_is_input = spec.guidance_is_input  # noqa: SLF001 (a copy of itself)
        return found

    @property
    def few_steps(self) -> FewSteps:
        """Whether it was distilled for few steps, by its repository or its file's name."""
        name = None if self.path is None else self.path.name
        return checkpoint_few_steps(self.repository, name, self.base_model.architecture)

    @property
    def recipe(self) -> FewStepRecipe | None:
        """What it was distilled for, if it was."""
        return self.few_steps.recipe

    @property
    def default_size(self) -> Size:
        """The size when nobody asks for another."""
        return self.sizes[0]

    def size(self, name: str) -> Size | None:
        """The offered size called `name` (`portrait` or `832x1216`), None when it is not offered."""
        return next((size for size in self.sizes if name.lower() in {size.shape, str(size)}), None)

    def repaints(self, width: int, height: int) -> bool:
        """Whether a picture of this size, in pixels, may be painted over."""
        usual = 4 * max(size.width * size.height for size in self.sizes)
        return width * height <= (self.repaint_pixels or usual)

    def relative_to(self, folder: Path) -> Self:
        """These settings with every path made absolute, starting from `folder`."""
        paths = {"path": self.path, "denoiser": self.denoiser}
        return self.model_copy(update={name: folder / path.expanduser() for name, path in paths.items() if path})

    def spec(self, sha256: str | None, short_hash: str | None = None) -> CheckpointSpec:
        """The specification for the worker. `sha256` is that of the checkpoint's own files."""
        return CheckpointSpec(
            name=self.name,
            source=str(self.path) if self.path else str(self.repository),
            repository=self.path is None,
            base_model=self.base_model,
            prediction_type=self.prediction_type,
            predicts=self.prediction_type,  # until its files say more
            sha256=self.source_sha256 or sha256,
            short_hash=short_hash,
            folder_sha256=sha256 if self.source_sha256 else None,
            preview_decoder=self.preview_decoder,
            dtype=self.dtype,
            node_labels=tuple(sorted(self.node_labels.items())),
            denoiser=None if self.denoiser is None else str(self.denoiser),
            quantise=self.quantise,
        )
