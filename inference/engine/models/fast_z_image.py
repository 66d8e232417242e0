"""Fast paths of Z-Image's transformer: positions, masks and rotary tables are computed once for each layout of a batch.

diffusers computes them in each pass, row by row. Here rows of the same lengths are one tensor throughout; others go
diffusers' own way. The results stay bit-identical.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import ZImageTransformer2DModel
from torch import nn
from torch.nn.functional import pad

MULTIPLE = 32  # the network fills up the tokens of a text and of a picture to a multiple of it, with tokens of its own
_KEPT = 16  # layouts: sizes of a picture, each with texts of other lengths


def filled_up(tokens: int) -> int:
    """The length to which the network fills up so many tokens."""
    return tokens + -tokens % MULTIPLE


@dataclass(frozen=True)
class _Layout:
    """What rows have in common: rotary tables (1, tokens, …), and which tokens fill a picture up."""

    picture: torch.Tensor
    text: torch.Tensor
    both: torch.Tensor
    filling: torch.Tensor | None  # (tokens, 1)


class FastZImage(ZImageTransformer2DModel):
    """See above; diffusers' `forward` calls these methods."""

    _layouts: OrderedDict[Any, _Layout]
    _fillings: dict[tuple[int, int, torch.device], torch.Tensor]
    _current: _Layout | None

    @classmethod
    def use(cls, network: Any) -> None:
        """Let a transformer take the fast paths; it is changed in place."""
        network.__class__ = cls
        vars(network).update(_layouts=OrderedDict(), _fillings={}, _current=None)

    def patchify_and_embed(
        self, all_image: list[torch.Tensor], all_cap_feats: list[torch.Tensor], patch_size: int, f_patch_size: int
    ) -> tuple[Any, ...]:
        """As diffusers', which says nothing of positions and masks here where all rows have the same lengths."""
        first, lengths = all_image[0], {filled_up(len(text)) for text in all_cap_feats}
        if len(lengths) > 1 or any(image.shape != first.shape for image in all_image):
            self._current = None
            return super().patchify_and_embed(all_image, all_cap_feats, patch_size, f_patch_size)
        channels, frames, height, width = first.shape
        down, across, length = height // patch_size, width // patch_size, lengths.pop()
        tokens = frames // f_patch_size * down * across
        self._current = self._layout((frames // f_patch_size, down, across), length, first.device)
        images = torch.stack(all_image).view(
            len(all_image), channels, frames // f_patch_size, f_patch_size, down, patch_size, across, patch_size
        )
        images = pad(images.permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4).flatten(1, 3), (0, 0, 0, -tokens % MULTIPLE))
        texts = [pad(text, (0, 0, 0, length - len(text))) for text in all_cap_feats]
        fillings = [self._filling(len(text), length, first.device) for text in all_cap_feats]
        sizes = [(frames, height, width)] * len(all_image)
        return [*images], texts, sizes, (), (), (), fillings

    def _filling(self, tokens: int, length: int, device: torch.device) -> torch.Tensor:
        """Which tokens (length,) fill up a text; there are no more of these than lengths of texts."""
        key = (tokens, length, device)
        found = self._fillings.get(key)
        if found is None:
            found = self._fillings[key] = torch.arange(length, device=device) >= tokens
        return found

    def _layout(self, grid: tuple[int, int, int], length: int, device: torch.device) -> _Layout:
        key = (grid, length, device)
        found = self._layouts.get(key)
        if found is None:
            found = self._layouts[key] = self._computed(grid, length, device)
            if len(self._layouts) > _KEPT:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end(key)
        return found

    def _computed(self, grid: tuple[int, int, int], length: int, device: torch.device) -> _Layout:
        texts = self.create_coordinate_grid((length, 1, 1), (1, 0, 0), device).flatten(0, 2)
        pictures = self.create_coordinate_grid(grid, (length + 1, 0, 0), device).flatten(0, 2)
        missing = -len(pictures) % MULTIPLE
        filling = None
        if missing:
            filling = self._filling(len(pictures), len(pictures) + missing, device)[:, None]
        both = self.rope_embedder(torch.cat([pad(pictures, (0, 0, 0, missing)), texts]))[None]
        picture, text = both.split([len(pictures) + missing, length], 1)
        return _Layout(picture, text, both, filling)

    def _prepare_sequence(
        self,
        feats: list[torch.Tensor],
        pos_ids: Any,
        inner_pad_mask: Any,
        pad_token: nn.Parameter,
        noise_mask: Any = None,
        device: Any = None,
    ) -> tuple[Any, ...]:
        """As diffusers': the rows as one tensor, their rotary table, and no mask."""
        layout = self._current
        if layout is None:
            return super()._prepare_sequence(feats, pos_ids, inner_pad_mask, pad_token, noise_mask, device)
        rows, lengths = torch.stack(feats), [len(each) for each in feats]
        if pad_token is self.cap_pad_token:
            filling: torch.Tensor | None = torch.stack(inner_pad_mask)[..., None]
            table = layout.text
        else:
            filling, table = layout.filling, layout.picture
        return rows if filling is None else torch.where(filling, pad_token, rows), table, None, lengths, None

    def _build_unified_sequence(self, *given: Any, **named: Any) -> tuple[Any, ...]:
        """As diffusers': pictures, then texts."""
        if self._current is None:
            return super()._build_unified_sequence(*given, **named)
        pictures, texts = given[0], given[4]
        return torch.cat([pictures, texts], 1), self._current.both, None, None

    def unpatchify(
        self,
        x: list[torch.Tensor],
        size: list[tuple[Any, ...]],
        patch_size: int,
        f_patch_size: int,
        x_pos_offsets: Any = None,
    ) -> list[torch.Tensor]:
        """As diffusers'."""
        if self._current is None:
            return super().unpatchify(x, size, patch_size, f_patch_size, x_pos_offsets)
        frames, height, width = size[0]
        down, across = height // patch_size, width // patch_size
        tokens = frames // f_patch_size * down * across
        parts = torch.stack(x)[:, :tokens].view(
            len(x), frames // f_patch_size, down, across, f_patch_size, patch_size, patch_size, self.out_channels
        )
        return [*parts.permute(0, 7, 1, 4, 2, 5, 3, 6).reshape(len(x), self.out_channels, frames, height, width)]
