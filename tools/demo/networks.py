"""The untrained networks of a demo checkpoint, in SDXL's form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tools.demo.tokenizer import END_ID, MAX_TOKENS, START_ID, VOCABULARY


@dataclass
class Networks:
    """What one base trains: two text encoders and the UNet."""

    text_encoder: CLIPTextModel
    text_encoder_2: CLIPTextModelWithProjection
    unet: UNet2DConditionModel

    def joined(self) -> nn.ModuleDict:
        """All three as one module, for the optimiser and the average."""
        return nn.ModuleDict({"one": self.text_encoder, "two": self.text_encoder_2, "unet": self.unet})

    def encode(self, ids: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """SDXL's conditioning: both encoders' last layer but one side by side, and the second one's summary."""
        first = self.text_encoder(ids[0], output_hidden_states=True)
        second = self.text_encoder_2(ids[1], output_hidden_states=True)
        return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1), second.text_embeds

    def predict(self, noisy: Tensor, times: Tensor, words: Tensor, summary: Tensor) -> Tensor:
        """The UNet's answer; the picture's size comes from the latents."""
        height, width = noisy.shape[2] * 4, noisy.shape[3] * 4
        sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32).expand(len(noisy), -1)
        added = {"text_embeds": summary, "time_ids": sizes}
        return self.unet(noisy, times, words, added_cond_kwargs=added).sample


def new_networks(seed: int) -> Networks:
    """Fresh networks; two seeds make two lineages that share nothing but their shapes."""
    torch.manual_seed(seed)
    first = CLIPTextModel(_text_config(width=64, layers=2, heads=2, activation="quick_gelu"))
    second = CLIPTextModelWithProjection(_text_config(width=96, layers=3, heads=3, activation="gelu"))
    for encoder in (first, second):
        encoder.get_input_embeddings().weight.data.normal_(std=0.3)
    return Networks(first, second, _new_unet())


def _text_config(width: int, layers: int, heads: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=MAX_TOKENS,
        hidden_act=activation,
        bos_token_id=START_ID,
        eos_token_id=END_ID,  # the summary is read where this token stands
        pad_token_id=END_ID,
    )


def _new_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 64, 128),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        transformer_layers_per_block=1,
        attention_head_dim=(1, 2, 4),
        norm_num_groups=8,
        use_linear_projection=True,
        cross_attention_dim=160,
        addition_embed_type="text_time",
        addition_time_embed_dim=16,
        projection_class_embeddings_input_dim=192,
    )
