"""LoRAs on layers, against an independent reference: PEFT through diffusers' own loading."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from torch import nn

from inference.base_models import Architecture
from inference.demo import CHECKPOINTS
from inference.engine.lora.folding import Folded, ModuleKey, fold_all, layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.normalise import normalise
from inference.errors import InferenceError, LoraFileRefused, ModuleMismatch
from tests.inference.engine.applied import attached
from tests.inference.engine.loras import Made, as_file, drawn, kohya, peft

UNET = ("to_q", "to_v", "to_out.0", "ff.net.2", "proj_in", "conv1", "conv_shortcut", "downsamplers.0.conv")
TEXT = ("q_proj", "out_proj", "fc1")
PROMPT = "a red circle on a blue background"


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """The shipped checkpoint in double precision; nothing may change it."""
    return StableDiffusionXLPipeline.from_pretrained(
        CHECKPOINTS[0].path, dtype=torch.float64, use_safetensors=True, local_files_only=True, add_watermarker=False
    )


def parts_of(pipeline: Any) -> dict[str, nn.Module]:
    return {name: getattr(pipeline, name) for name in ("unet", "text_encoder", "text_encoder_2")}


@torch.no_grad()
def outputs(pipeline: Any) -> torch.Tensor:
    """What the text encoders and the UNet say, side by side."""
    embeds, negative, pooled, _ = pipeline.encode_prompt(PROMPT, device="cpu")
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ids = torch.tensor([[64.0, 64, 0, 0, 64, 64]], dtype=torch.float64)
    said = pipeline.unet(latents, 500, embeds, added_cond_kwargs={"text_embeds": pooled, "time_ids": ids}).sample
    return torch.cat([embeds.flatten(), negative.flatten(), pooled.flatten(), said.flatten()])


def ours(pipeline: Any, loras: list[tuple[Mapping[str, torch.Tensor], float]]) -> torch.Tensor:
    with attached(layers_of(parts_of(pipeline)), folded(pipeline, loras)):
        return outputs(pipeline)


def folded(pipeline: Any, loras: list[tuple[Mapping[str, torch.Tensor], float]]) -> dict[ModuleKey, Folded]:
    names = names_of(pipeline)
    changes = [(normalise(as_file(file), names, "vivid"), weight) for file, weight in loras]
    return fold_all(changes, names.layers)


def names_of(pipeline: Any) -> LayerNames:
    return LayerNames.of(Architecture.DEMO, layers_of(parts_of(pipeline)))


def theirs(pipeline: Any, loras: list[tuple[list[Made], float]]) -> torch.Tensor:
    reference = copy.deepcopy(pipeline)
    names = [f"lora_{i}" for i in range(len(loras))]
    for name, (made, _) in zip(names, loras, strict=True):
        reference.load_lora_weights({key: tensor.double() for key, tensor in peft(made).items()}, adapter_name=name)
    reference.set_adapters(names, [weight for _, weight in loras])
    return outputs(reference)


def digest(pipeline: Any) -> list[bytes]:
    return [tensor.numpy().tobytes() for part in parts_of(pipeline).values() for tensor in part.state_dict().values()]


@pytest.mark.parametrize("weights", [(1.0,), (0.75, -0.5), (1.0, -1.25, 0.5, 0.25, 0.75)], ids=len)
def test_weighted_loras_do_what_peft_does(pipeline: Any, weights: tuple[float, ...]) -> None:
    made = [(drawn(parts_of(pipeline), UNET + TEXT, seed), weight) for seed, weight in enumerate(weights)]
    ranks = {change.down.shape[0] for lora, _ in made for change in lora}
    assert len(ranks) > 1
    plain, reference = outputs(pipeline), theirs(pipeline, made)
    result = ours(pipeline, [(kohya(lora), weight) for lora, weight in made])
    assert (reference - plain).abs().max() > 1e-2, "the LoRAs do something"
    assert (result - reference).abs().max() < 1e-10


def test_kohyas_and_pefts_names_mean_the_same(pipeline: Any) -> None:
    made = drawn(parts_of(pipeline), ("attn1.to_q", "q_proj", "conv1"), 5)
    assert torch.equal(ours(pipeline, [(kohya(made), 1.0)]), ours(pipeline, [(peft(made), 1.0)]))


def test_without_alpha_it_equals_the_rank(pipeline: Any) -> None:
    made = drawn(parts_of(pipeline), ("attn1.to_q",), 6)
    tensors = {name: tensor for name, tensor in kohya(made).items() if not name.endswith(".alpha")}
    said = dict(tensors)
    for change in made:
        said[f"lora_unet_{change.layer.replace('.', '_')}.alpha"] = torch.tensor(float(change.down.shape[0]))
    assert torch.equal(ours(pipeline, [(tensors, 1.0)]), ours(pipeline, [(said, 1.0)]))


def test_the_checkpoint_stays_bit_identical(pipeline: Any) -> None:
    before, plain = digest(pipeline), outputs(pipeline)
    made = kohya(drawn(parts_of(pipeline), UNET + TEXT, 7))
    ours(pipeline, [(made, 2.0)])
    assert digest(pipeline) == before
    assert torch.equal(outputs(pipeline), plain)


def test_also_when_something_goes_wrong_in_the_middle(pipeline: Any) -> None:
    plain, layers = outputs(pipeline), layers_of(parts_of(pipeline))
    changes = folded(pipeline, [(kohya(drawn(parts_of(pipeline), UNET, 8)), 1.0)])
    with pytest.raises(KeyboardInterrupt), attached(layers, changes):
        raise KeyboardInterrupt
    stranger = {**changes, ("unet", "nobody"): next(iter(changes.values()))}
    with pytest.raises(KeyError), attached(layers, stranger):
        pass
    assert torch.equal(outputs(pipeline), plain)


def test_a_weight_of_zero_leaves_no_trace(pipeline: Any) -> None:
    made = kohya(drawn(parts_of(pipeline), UNET, 9))
    assert torch.equal(ours(pipeline, [(made, 0.0)]), outputs(pipeline))


QUERY = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"


def query(pipeline: Any) -> dict[str, torch.Tensor]:
    return kohya(drawn(parts_of(pipeline), ("down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",), 1))


def refused(pipeline: Any, tensors: dict[str, torch.Tensor]) -> InferenceError:
    with pytest.raises((LoraFileRefused, ModuleMismatch)) as refusal:
        normalise(as_file(tensors), names_of(pipeline), "vivid")
    assert len(str(refusal.value)) < 500
    return refusal.value


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({f"{QUERY}.lora_up.weight": None}, "lora_file_refused"),
        ({f"{QUERY}.lora_down.weight": None}, "lora_file_refused"),
        ({f"{QUERY}.lora_up.weight": torch.zeros(64, 33)}, "lora_file_refused"),
        ({f"{QUERY}.lora_up.weight": torch.zeros(64)}, "lora_file_refused"),
        ({f"{QUERY}.lora_up.weight": torch.tensor(1.0)}, "lora_file_refused"),
        ({f"{QUERY}.lora_down.weight": torch.tensor(1.0)}, "lora_file_refused"),
        ({f"{QUERY}.lora_down.weight": torch.zeros(600, 64), f"{QUERY}.lora_up.weight": torch.zeros(64, 600)},
         "lora_file_refused"),
        ({f"{QUERY}.alpha": torch.tensor(0.0)}, "lora_file_refused"),
        ({f"{QUERY}.alpha": torch.tensor(-1.0)}, "lora_file_refused"),
        ({f"{QUERY}.alpha": torch.tensor(1e9)}, "lora_file_refused"),
        ({f"{QUERY}.alpha": torch.tensor([1.0, 2.0])}, "lora_file_refused"),
        ({f"{QUERY}.strange_matrix": torch.zeros(4, 4)}, "lora_file_refused"),
        ({"optimizer.state": torch.zeros(4)}, "lora_file_refused"),
        ({"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight": torch.zeros(1, 64),
          "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.weight": torch.zeros(64, 1)},
         "lora_file_refused"),
        ({f"{QUERY}.lora_down.weight": torch.zeros(2, 63), f"{QUERY}.lora_up.weight": torch.zeros(64, 2)},
         "module_mismatch"),
        ({f"{QUERY}.lora_down.weight": torch.zeros(2, 64), f"{QUERY}.lora_up.weight": torch.zeros(65, 2)},
         "module_mismatch"),
        ({"lora_unet_nobody.lora_down.weight": torch.zeros(2, 64),
          "lora_unet_nobody.lora_up.weight": torch.zeros(64, 2)}, "module_mismatch"),
        ({"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": torch.zeros(2, 64),
          "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": torch.zeros(256, 2)}, "module_mismatch"),
    ],
)  # fmt: skip
def test_a_lora_is_never_used_in_part(pipeline: Any, change: dict[str, torch.Tensor | None], code: str) -> None:
    tensors = {name: tensor for name, tensor in (query(pipeline) | change).items() if tensor is not None}
    assert refused(pipeline, tensors).code == code


def test_a_file_of_nothing_is_refused(pipeline: Any) -> None:
    assert refused(pipeline, {}).code == "lora_file_refused"


def test_unknown_modules_are_counted_and_the_first_few_named(pipeline: Any) -> None:
    strangers = {
        f"lora_unet_nobody_{i}.{half}": torch.zeros(2, 2)
        for i in range(50)
        for half in ("lora_down.weight", "lora_up.weight")
    }
    problem = refused(pipeline, query(pipeline) | strangers)
    assert isinstance(problem, ModuleMismatch)
    assert (problem.count, len(problem.modules)) == (50, 3)
