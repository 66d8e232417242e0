"""What each architecture can be asked for, and who paints it: one table.

Those that have a *family* share the running batch: requests of many people in one pass, every sampler, weighted
words, LoRAs folded. All others are painted one at a time through diffusers' own pipeline, with its own sampler and
schedule alone and its own way to load LoRAs. An architecture that is not in the table is not painted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from inference.base_models import ARCHITECTURE_TITLES, Architecture, BaseModelId
from inference.messages.samplers import FLOW_SPACINGS, SPACINGS, UNET_SPACINGS, Sampler, Spacing

DENOISERS = ("unet", "transformer")  # diffusers' names for the network that denoises


class Family(StrEnum):
    """Architectures whose denoiser the batch calls in the same way; see `inference.engine.models.families`."""

    UNET = "unet"
    FLUX1 = "flux1"
    SD3 = "sd3"
    QWEN_IMAGE = "qwen-image"
    Z_IMAGE = "z-image"
    ANIMA = "anima"


@dataclass(frozen=True)
class Capability:
    """Pipelines by the names of diffusers' classes; `from_picture` is that which begins with a picture, if any.

    Without a `family` it is painted one request at a time. `guidance` is the argument that says how strictly the prompt
    is followed. `single_file`: Easel ships what a file of weights alone lacks, so that it opens without a network.
    `usual` are the steps and the guidance that its makers, or else diffusers' pipeline, paint with; None: as UNets.
    `own_sampler` is that of the scheduler of a pipeline without a family.
    """

    pipeline: str
    from_picture: str | None = None
    family: Family | None = None
    negative_prompt: bool = True
    guidance: str = "guidance_scale"
    single_file: bool = False
    usual: tuple[int, float] | None = None
    own_sampler: Sampler = Sampler.EULER

    @property
    def guided_by_input(self) -> Capability:
        """The same of a network that takes the guidance as an input: no second pass is there for a negative prompt."""
        return replace(self, negative_prompt=False)

    @property
    def modular(self) -> bool:
        """Whether diffusers has it as a modular pipeline alone, of which one class does everything."""
        return self.pipeline.endswith("ModularPipeline")

    @property
    def unguided(self) -> float:
        """The highest guidance at which there is none."""
        return 0.0 if self.family is Family.Z_IMAGE else 1.0

    @property
    def denoiser(self) -> str:
        """The class of the network that denoises, as diffusers calls it."""
        return _DENOISERS[self.pipeline]

    def rows(self, guidance_scale: float) -> int:
        """Rows of the batch that a slot takes: two where the negative prompt guides away."""
        return 2 if self.heeds_negative_prompt(guidance_scale) else 1

    def heeds_negative_prompt(self, guidance_scale: float) -> bool:
        """Whether a negative prompt changes anything at this guidance."""
        return self.negative_prompt and guidance_scale > self.unguided

    @property
    def flow(self) -> bool:
        """Whether its models predict as flow matching does, as all but UNets do."""
        return self.family is not Family.UNET

    @property
    def regions(self) -> bool:
        """Whether a picture may have regions with prompts and LoRAs of their own."""
        return self.family is Family.UNET

    @property
    def chosen_sampling(self) -> bool:
        """Whether sampler and spacing are those that a request asks for, and not the pipeline's own."""
        return self.family is not None

    @property
    def clip_skip(self) -> bool:
        """Whether the layer that the prompt is read from can be chosen."""
        return self.family is Family.UNET

    @property
    def samplers(self) -> Mapping[Sampler, tuple[Spacing, ...]]:
        """The samplers that a request may name, each with its spacings; where nothing is painted, any."""
        if self.family is None:
            return {self.own_sampler: ()} if self.pipeline else SPACINGS
        return UNET_SPACINGS if self.family is Family.UNET else FLOW_SPACINGS

    @property
    def usual_sampler(self) -> Sampler:
        """The sampler of checkpoints whose settings name none."""
        return Sampler.DPMPP_2M_KARRAS if self.family is Family.UNET else next(iter(self.samplers))


_DENOISERS = {
    "StableDiffusionPipeline": "UNet2DConditionModel",
    "StableDiffusionXLPipeline": "UNet2DConditionModel",
    "StableDiffusion3Pipeline": "SD3Transformer2DModel",
    "FluxPipeline": "FluxTransformer2DModel",
    "ChromaPipeline": "ChromaTransformer2DModel",
    "Flux2Pipeline": "Flux2Transformer2DModel",
    "Flux2KleinPipeline": "Flux2Transformer2DModel",
    "AuraFlowPipeline": "AuraFlowTransformer2DModel",
    "Lumina2Pipeline": "Lumina2Transformer2DModel",
    "ZImagePipeline": "ZImageTransformer2DModel",
    "QwenImagePipeline": "QwenImageTransformer2DModel",
    "AnimaModularPipeline": "CosmosTransformer3DModel",
    "SanaPipeline": "SanaTransformer2DModel",
    "Krea2Pipeline": "Krea2Transformer2DModel",
}

_SD = Capability("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", Family.UNET, single_file=True)
_SDXL = Capability("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", Family.UNET, single_file=True)
_SD3 = Capability("StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline", Family.SD3, usual=(28, 7.0))
_FLUX1 = Capability("FluxPipeline", "FluxImg2ImgPipeline", Family.FLUX1, usual=(28, 3.5)).guided_by_input
_KLEIN = Capability("Flux2KleinPipeline", negative_prompt=False, usual=(4, 1.0))

_ARCHITECTURES = {
    Architecture.SD1: _SD,
    Architecture.SD2: _SD,
    Architecture.SDXL: _SDXL,
    Architecture.DEMO: _SDXL,
    Architecture.SD3: _SD3,
    Architecture.SD35_MEDIUM: replace(_SD3, usual=(40, 4.5)),
    Architecture.SD35_LARGE: replace(_SD3, usual=(28, 3.5)),
    Architecture.FLUX1: _FLUX1,
    Architecture.FLUX2_DEV: Capability("Flux2Pipeline", usual=(50, 4.0)).guided_by_input,
    Architecture.FLUX2_KLEIN_4B: _KLEIN,
    Architecture.FLUX2_KLEIN_9B: _KLEIN,
    Architecture.AURAFLOW: Capability("AuraFlowPipeline", usual=(50, 3.5)),
    Architecture.LUMINA2: Capability("Lumina2Pipeline", usual=(30, 4.0)),
    Architecture.Z_IMAGE: Capability("ZImagePipeline", "ZImageImg2ImgPipeline", Family.Z_IMAGE, usual=(50, 5.0)),
    Architecture.QWEN_IMAGE: Capability(
        "QwenImagePipeline",
        "QwenImageImg2ImgPipeline",
        Family.QWEN_IMAGE,
        guidance="true_cfg_scale",
        usual=(50, 4.0),
    ),
    Architecture.ANIMA: Capability("AnimaModularPipeline", "AnimaModularPipeline", Family.ANIMA),
    Architecture.SANA: Capability("SanaPipeline", usual=(20, 4.5), own_sampler=Sampler.DPMPP_2M),
    Architecture.KREA2: Capability("Krea2Pipeline", usual=(28, 4.5)),
}

# Lineages that have a pipeline or settings of their own; None: Easel does not paint with them.
_LINEAGES: dict[BaseModelId, Capability | None] = {
    BaseModelId("flux1/chroma"): Capability("ChromaPipeline", "ChromaImg2ImgPipeline", usual=(35, 5.0)),
    BaseModelId("flux1/schnell"): replace(_FLUX1, usual=(4, 1.0)),
    BaseModelId("flux1/krea"): replace(_FLUX1, usual=(28, 4.5)),
    BaseModelId("flux1/kontext"): replace(_FLUX1, usual=(28, 2.5)),
    BaseModelId("qwen-image/edit"): None,
    BaseModelId("qwen-image/layered"): None,
    BaseModelId("z-image/edit"): None,
    BaseModelId("anima/cosmos-predict2"): None,
}


def capability_of(base_model: BaseModelId) -> Capability | None:
    """What can be done with checkpoints of this base model; None: they are not painted."""
    return _LINEAGES[base_model] if base_model in _LINEAGES else _ARCHITECTURES.get(base_model.architecture)


def misdeclared_denoiser(kind: str, base_model: BaseModelId) -> str | None:
    """What to do where a denoiser of the class `kind` is not that of the declared base model; None: it is."""
    capability = capability_of(base_model)
    if capability is None or capability.denoiser == kind:
        return None
    declared = f"and is declared {base_model} ({base_model.label})"
    others = [ARCHITECTURE_TITLES[each] for each, own in _ARCHITECTURES.items() if own.denoiser == kind]
    apart = ((each, own.denoiser) for each, own in _LINEAGES.items() if own is not None)
    others += [each.label for each, denoiser in apart if denoiser == kind != _ARCHITECTURES[each.architecture].denoiser]
    if not others:
        return f"its denoiser is a {kind}, {declared}; Easel does not paint with it, so take it out"
    *names, last = others
    titles = f"{', '.join(names)} or {last}" if names else last
    return f"its denoiser is that of {titles} ({kind}), {declared}; correct its base_model in the settings"
