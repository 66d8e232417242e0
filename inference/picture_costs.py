"""What one picture costs in memory and arithmetic, by architecture: counted, not measured. No torch.

The counts are of networks of full size without their numbers (`python -m tools.picture_costs`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.base_models import Architecture, BaseModelId
from inference.bounds import MAX_GUIDANCE
from inference.capabilities import capability_of


@dataclass(frozen=True)
class PictureCost:
    """Counts for pictures of `pixels`. `step_tflop` is of a step with guidance, so of two rows.

    `pass_numbers` and `decode_numbers` are alive at once for each pixel, in a step and while the VAE decodes. SDXL's
    VAE decodes in single precision (`single_precision_vae`), because its numbers overflow in half precision.
    """

    pixels: int
    pass_numbers: int
    decode_numbers: int
    step_tflop: float
    decode_tflop: float
    single_precision_vae: bool = False

    def picture_tflop(self, steps: int, pixels: int) -> float:
        """Operations of a whole picture, in 10^12; in proportion to the pixels, which is too little for larger ones."""
        return (steps * self.step_tflop + self.decode_tflop) * pixels / self.pixels


COSTS = {
    Architecture.SD1: PictureCost(512 * 512, 260, 768, 1.61, 2.51),
    Architecture.SD2: PictureCost(768 * 768, 260, 768, 4.3, 5.75),
    Architecture.SDXL: PictureCost(1024 * 1024, 158, 768, 13.52, 10.47, single_precision_vae=True),
}

# Tensors of a picture's size, each as wide as the first block of the VAE, that are alive at once while it decodes.
DECODE_TENSORS, VIDEO_DECODE_TENSORS = 6, 18


@dataclass(frozen=True)
class TransformerCost:
    """Counts for a transformer of the published size, whose tokens are `width` numbers wide.

    `live_tensors` of all tokens, of the network's width, are alive at once in a pass, at most: in a block's
    feed-forward layer, where texts and pictures go through it together, or where queries and keys are rotated in single
    precision. Attention keeps no matrix of pairs. A text has `text_tokens` at most.
    """

    live_tensors: int
    width: int
    text_tokens: int = 512
    token_side: int = 16  # pixels
    decode_numbers: int = DECODE_TENSORS * 128

    def pass_numbers(self, tokens: int, width: int | None = None) -> int:
        """Numbers that are alive at once in a pass of so many tokens, where the network may have another `width`."""
        return self.live_tensors * tokens * (width or self.width)


_SD3 = TransformerCost(13, 1536, text_tokens=77 + 256)
_OF_VIDEOS = VIDEO_DECODE_TENSORS * 96
TRANSFORMER_COSTS = {
    Architecture.FLUX1: TransformerCost(18, 3072),
    Architecture.SD3: _SD3,
    Architecture.SD35_MEDIUM: replace(_SD3, live_tensors=15),  # some blocks attend twice
    Architecture.SD35_LARGE: replace(_SD3, width=2432),
    Architecture.QWEN_IMAGE: TransformerCost(17, 3072, decode_numbers=_OF_VIDEOS),
    Architecture.Z_IMAGE: TransformerCost(17, 3840),
    Architecture.ANIMA: TransformerCost(12, 2048, decode_numbers=_OF_VIDEOS),
}


@dataclass(frozen=True)
class PictureNumbers:
    """Numbers that are alive at once for one guided picture: in a pass of the denoiser, and while the VAE decodes."""

    in_pass: int
    decoding: int
    single_precision_vae: bool = False


def picture_numbers(base_model: BaseModelId, pixels: int) -> PictureNumbers | None:
    """Those of a picture of so many pixels; None where nobody has counted them."""
    capability, architecture = capability_of(base_model), base_model.architecture
    if capability is None or capability.family is None:
        return None
    if unet := COSTS.get(architecture):
        return PictureNumbers(unet.pass_numbers * pixels, unet.decode_numbers * pixels, unet.single_precision_vae)
    if (cost := TRANSFORMER_COSTS.get(architecture)) is None:
        return None
    tokens = capability.rows(MAX_GUIDANCE) * (pixels // cost.token_side**2 + cost.text_tokens)
    return PictureNumbers(cost.pass_numbers(tokens), cost.decode_numbers * pixels)
