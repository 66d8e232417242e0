"""Compiled blocks: the same pictures, and no new graph for other LoRAs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from inference.base_models import BaseModelId
from inference.engine.batch.handle import Handle, State
from inference.engine.devices import compiling
from inference.engine.engine import Engine
from inference.engine.layers.additions import WholeConv
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.lora_files import LoraFile
from inference.engine.lora.normalise import normalise
from inference.engine.models.checkpoints import Checkpoint
from inference.lora.evidence import Evidence, Source
from inference.messages.request import LoraUse
from inference.messages.samplers import Sampler
from tests.inference.engine.transformers import ANIMA, TransformerWorld, error, lora_on
from tests.inference.engine.transformers import MAKERS as TRANSFORMERS
from tests.inference.engine.transformers import pipeline_of as transformer_pipeline
from tests.inference.engine.worlds import DrawnLora, World, arrived, pipeline_of
from tests.inference.requests import request
from tests.log import lines_of


def attention_lora(world: World, number: int, rank: int) -> LoraUse:
    """A LoRA on every linear layer of the blocks that are compiled."""
    numbers, tensors = torch.Generator().manual_seed(number), dict[str, torch.Tensor]()
    for name, layer in pipeline_of(world.base, world.dtype).unet.named_modules():
        if isinstance(layer, nn.Linear) and "transformer_blocks" in name:
            outputs, inputs = layer.weight.shape
            stem = f"lora_unet_{name.replace('.', '_')}"
            tensors[f"{stem}.lora_down.weight"] = torch.randn(rank, inputs, generator=numbers) * 0.1
            tensors[f"{stem}.lora_up.weight"] = torch.randn(outputs, rank, generator=numbers) * 0.1
    use = LoraUse(sha256=f"{number:064x}", name=f"rank {rank}")
    file = LoraFile(use, tensors, Evidence(BaseModelId(world.base), Source.SIDECAR), "0" * 12)
    world.loras.append(DrawnLora(file, {}))
    return use


def engine_of(world: World, prepare: Callable[[Checkpoint], None]) -> Engine:
    engine = world.engine()
    checkpoint = checkpoint_of(engine)
    checkpoint.hooks.small = 0  # as for wide layers: with low-rank pairs and not with a matrix for each picture
    prepare(checkpoint)
    return engine


def checkpoint_of(engine: Engine) -> Checkpoint:
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    return checkpoint


def painted(engine: Engine, *lora_sets: tuple[LoraUse, ...]) -> list[Handle]:
    made = request(checkpoint="world", width=32, height=32, steps=3, guidance_scale=3.0, sampler=Sampler.EULER)
    handles = [engine.submit(made.model_copy(update={"loras": loras, "seed": i})) for i, loras in enumerate(lora_sets)]
    arrived(engine)
    engine.finish()
    assert [handle.state for handle in handles] == [State.DONE] * len(handles), handles[0].error
    return handles


def at(use: LoraUse, weight: float) -> LoraUse:
    return use.model_copy(update={"weight": weight})


@pytest.fixture(autouse=True)
def clean_compiler() -> Any:
    torch.set_num_threads(1)
    suppressed = torch._dynamo.config.suppress_errors
    yield
    torch._dynamo.config.suppress_errors = suppressed
    torch._dynamo.reset()


def test_other_loras_ranks_of_a_bucket_and_weights_make_no_new_graph_and_the_same_pictures() -> None:
    world = World("sd1/base", torch.float32)
    five, six, seven, eight = (attention_lora(world, rank, rank) for rank in (5, 6, 7, 8))
    graphs = 0

    def counted(graph: torch.fx.GraphModule, _: list[Any]) -> Callable[..., Any]:
        nonlocal graphs
        graphs += 1
        return graph.forward

    compiled = engine_of(world, lambda checkpoint: checkpoint.compile(backend=counted, fullgraph=True))
    plain = engine_of(world, lambda _: None)
    crowds = [
        ((five,), (six,)),
        ((at(seven, 0.3),), (at(eight, -0.8),)),
        ((at(six, 1.7),), (at(six, 1.7),)),  # both have the same set
    ]
    first = None
    for crowd in crowds:
        handles = painted(compiled, *crowd)
        first = first or graphs
        assert graphs == first > 0
        for handle, expected in zip(handles, painted(plain, *crowd), strict=True):
            assert handle.pictures is not None and expected.pictures is not None
            assert float((handle.pictures - expected.pictures).abs().max()) <= 5e-5


def test_whole_weights_that_several_pictures_share_are_not_stacked_for_the_sake_of_shapes() -> None:
    """Convolutions cannot be, and of the others it would be a second copy."""
    world = World("sd1/base", torch.float32)
    world.add(1, "lora")
    checkpoint = checkpoint_of(world.engine(small=0))
    (lora,) = world.loras
    changes = normalise(lora.file, checkpoint.names, "world")
    merged = LoraSet.fold([(changes, 0.7)], checkpoint.hooks).with_merged_weights(checkpoint.hooks)
    assert any(isinstance(addition, WholeConv) for addition in merged.additions)
    assert BatchSlots(checkpoint.hooks, 2, padded=True).assign([merged, merged]) is merged.additions


def test_where_nothing_can_be_compiled_that_is_logged_once_and_blocks_run_eagerly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World("sd1/base", torch.float32)
    use = attention_lora(world, 1, 4)

    def broken(graph: torch.fx.GraphModule, _: list[Any]) -> Callable[..., Any]:
        raise RuntimeError("no compiler")

    engine = engine_of(world, lambda checkpoint: checkpoint.compile(backend=broken))
    (handle,) = painted(engine, (use,))
    (expected,) = painted(engine_of(world, lambda _: None), (use,))
    assert handle.pictures is not None and expected.pictures is not None
    assert torch.equal(handle.pictures, expected.pictures)
    assert not checkpoint_of(engine).compiled
    (told,) = lines_of(compiling.__name__, caplog)
    assert "compilation failed" in told and "no compiler" in told


def test_a_block_that_cannot_be_compiled_runs_eagerly() -> None:
    """On a machine that compiles other things."""
    world = World("sd1/base", torch.float32)
    use = attention_lora(world, 1, 4)

    def picky(graph: torch.fx.GraphModule, _: list[Any]) -> Callable[..., Any]:
        if len(graph.graph.nodes) > 10:
            raise RuntimeError("too much")
        return graph.forward

    engine = engine_of(world, lambda checkpoint: checkpoint.compile(backend=picky))
    assert checkpoint_of(engine).compiled
    (handle,) = painted(engine, (use,))
    (expected,) = painted(engine_of(world, lambda _: None), (use,))
    assert handle.pictures is not None and expected.pictures is not None
    assert torch.allclose(handle.pictures, expected.pictures, atol=5e-5)


@pytest.mark.parametrize("base", list(TRANSFORMERS), ids=str)
def test_transformers_have_blocks_that_are_compiled(base: BaseModelId) -> None:
    checkpoint = checkpoint_of(TransformerWorld(base).engine())
    checkpoint.compile(backend="eager")
    assert checkpoint.compiled
    blocks = [layer for layer in checkpoint.denoiser.modules() if layer._compiled_call_impl is not None]
    assert len(blocks) >= 2


def test_a_transformer_whose_repeated_blocks_diffusers_does_not_name_paints_the_same_when_compiled() -> None:
    world = TransformerWorld(ANIMA)
    world.add(lora_on(transformer_pipeline(ANIMA).transformer, 0))
    engine = world.engine(small=0)
    checkpoint_of(engine).compile(backend="eager")
    made = request(
        checkpoint="world",
        width=32,
        height=32,
        steps=3,
        guidance_scale=3.0,
        sampler=Sampler.EULER,
        loras=world.uses(0.7),
    )
    handle = engine.submit(made)
    engine.finish()
    assert error(world, handle) <= 1e-12
