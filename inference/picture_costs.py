"""What one picture costs in memory and arithmetic, by architecture: counted, not measured. No torch.

The counts are of networks of full size without their numbers (`python -m tools.picture_costs`).
"""

from __future__ import annotations

from dataclasses import dataclass

from inference.base_models import Architecture


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
