"""The stages of a build; each reads what earlier stages left in the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from tools.demo import base, dataset, diffusion, lora, ship, tokenizer, vae
from tools.demo.dataset import Bucket
from tools.demo.diffusion import Batches, Examples
from tools.demo.lessons import LESSONS, Lesson, render_lesson
from tools.demo.progress import bar
from tools.demo.world import LOOKS, Look

PICTURES_A_BASE = 24_000
VAE_PICTURES = 4_500
BASE_SEEDS: dict[Look, int] = {"vivid": 11, "pastel": 22}  # two lineages share nothing but the codec


@dataclass(frozen=True)
class Steps:
    """How long each part is trained."""

    vae: int = 2_000
    decoder: int = 3_700
    base: int = 6_000


@dataclass(frozen=True)
class Build:
    """A build in the folder `out`, all of it from one seed."""

    out: Path
    seed: int = 7
    steps: Steps = Steps()

    @property
    def work(self) -> Path:
        """Where what is not shipped lies."""
        return self.out / "work"

    @property
    def checkpoints(self) -> Path:
        """The finished checkpoint folders."""
        return self.out / "checkpoints"

    def data(self) -> None:
        """Paint the training pictures and learn the tokenizers."""
        tokenizer.train_tokenizers(self.seed, self.work / "tokenizers")
        for look in LOOKS:
            with bar(f"painting {look}") as report:
                report(0, 1, "")
                dataset.save(list(dataset.render(look, PICTURES_A_BASE, self.seed)), self._pictures(look))

    def vae(self) -> None:
        """Train the picture codec on both looks and the LoRAs' looks."""
        with bar("VAE") as report:
            codec = vae.train_vae(self._codec_pictures(), self.steps.vae, self.seed, report)
        vae.save_vae(codec, self.work / "vae")

    def decoder(self) -> None:
        """Sharpen the codec's decoder; may run while the bases train."""
        codec = AutoencoderKL.from_pretrained(self.work / "vae")
        with bar("decoder") as report:
            vae.tune_decoder(codec, self._codec_pictures(), self.steps.decoder, self.seed, report)
        vae.save_vae(codec, self.work / "vae-tuned")

    def base(self, look: Look) -> None:
        """Train one base on the codec's latents."""
        buckets = dataset.load(self._pictures(look))
        batches = self._batches(buckets, BASE_SEEDS[look], torch.float16)
        del buckets
        parts = self.work / f"base-{look}"
        with bar(f"base {look}") as report:
            networks = base.train_base(batches, self.steps.base, BASE_SEEDS[look], parts, report)
        base.save_networks(networks, parts)

    def ship(self) -> None:
        """Put both checkpoints together, with the tuned decoder."""
        for look in LOOKS:
            parts, tokenizers = self.work / f"base-{look}", self.work / "tokenizers"
            ship.ship_checkpoint(parts, self.work / "vae-tuned", tokenizers, self.checkpoints / look)

    def lora(self, lesson: Lesson) -> None:
        """Train one LoRA on its shipped base."""
        seed = 100 + LESSONS.index(lesson)
        batches = self._batches(list(render_lesson(lesson, self.seed)), seed, torch.float32)
        networks = lora.load_networks(self.checkpoints / lesson.look)
        with bar(lesson.stem) as report:
            lora.train_lora(networks, batches, lesson, seed, report)
        lora.save_lora(networks.unet, self.work / "loras" / f"{lesson.stem}.safetensors")

    def pack(self) -> None:
        """Stamp the LoRAs with the identity of the checkpoints as they are now."""
        ship.pack_loras(self.work / "loras", self.checkpoints, self.out / "loras")

    def all(self) -> None:
        """Every leg in order."""
        self.data()
        self.vae()
        self.decoder()
        for look in LOOKS:
            self.base(look)
        self.ship()
        for lesson in LESSONS:
            self.lora(lesson)
        self.pack()

    def _pictures(self, look: Look) -> Path:
        return self.work / f"{look}.npz"

    def _codec_pictures(self) -> list[Bucket]:
        """A quarter of each look's pictures, and the LoRAs' looks."""
        chosen = [
            Bucket(b.width, b.height, b.pictures[: len(b.pictures) // 4].copy(), [])
            for look in LOOKS
            for b in dataset.load(self._pictures(look))
        ]
        return chosen + vae.lesson_pictures(VAE_PICTURES, self.seed)

    def _batches(self, buckets: list[Bucket], seed: int, kept_as: torch.dtype) -> Batches:
        codec = AutoencoderKL.from_pretrained(self.work / "vae")
        pair = tokenizer.load_tokenizers(self.work / "tokenizers")
        empty: Tensor = diffusion.tokenise(pair, [[""]])[:, 0, 0]
        examples = [
            Examples(vae.encode(codec, b.pictures).to(kept_as), diffusion.tokenise(pair, b.captions)) for b in buckets
        ]
        return Batches(examples, empty, seed)
