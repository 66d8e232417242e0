"""Formats: every way of writing a change is told apart by its names, and its dense shape read from its tensors."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from inference.lora.tensors.formats import Format, ModuleTensors, modules_of


def read(**shapes: tuple[int, ...]) -> ModuleTensors:
    """The one module `P` of a file; `__` in a name stands for a dot."""
    tensors = {f"P.{name.replace('__', '.')}": SimpleNamespace(shape=shape) for name, shape in shapes.items()}
    (module,) = modules_of(tensors).values()
    return module


LORA = {"lora_down__weight": (4, 32), "lora_up__weight": (64, 4), "alpha": ()}
LOHA = {"hada_w1_a": (64, 4), "hada_w1_b": (4, 288), "hada_w2_a": (64, 4), "hada_w2_b": (4, 288)}


@pytest.mark.parametrize(
    ("tensors", "kind", "shape", "rank"),
    [
        (LORA, Format.LORA, (64, 32), 4),
        ({"lora_A__weight": (4, 32), "lora_B__weight": (64, 4)}, Format.LORA, (64, 32), 4),
        ({"lora__down__weight": (4, 32), "lora__up__weight": (64, 4)}, Format.LORA, (64, 32), 4),
        ({"lora_down__weight": (4, 32, 3, 3), "lora_up__weight": (64, 4, 1, 1)}, Format.LOCON, (64, 32, 3, 3), 4),
        (
            {"lora_down__weight": (4, 32, 1, 1), "lora_up__weight": (64, 4, 1, 1), "lora_mid__weight": (4, 4, 3, 3)},
            Format.LOCON_TUCKER, (64, 32, 3, 3), 4,
        ),
        (LOHA, Format.LOHA, (64, 288), 4),
        (
            {
                "hada_w1_a": (4, 64), "hada_w1_b": (4, 32), "hada_t1": (4, 4, 3, 3),
                "hada_w2_a": (4, 64), "hada_w2_b": (4, 32), "hada_t2": (4, 4, 3, 3),
            },
            Format.LOHA_TUCKER, (64, 32, 3, 3), 4,
        ),
        ({"lokr_w1": (4, 8), "lokr_w2": (16, 4)}, Format.LOKR, (64, 32), None),
        ({"lokr_w1": (4, 8), "lokr_w2_a": (16, 2), "lokr_w2_b": (2, 4)}, Format.LOKR, (64, 32), 2),
        ({"lokr_w1_a": (4, 1), "lokr_w1_b": (1, 8), "lokr_w2": (16, 4, 3, 3)}, Format.LOKR, (64, 32, 3, 3), 1),
        (
            {"lokr_w1": (4, 8), "lokr_w2_a": (2, 16), "lokr_w2_b": (2, 4), "lokr_t2": (2, 2, 3, 3)},
            Format.LOKR_TUCKER, (64, 32, 3, 3), 2,
        ),
        ({"diff": (64, 32)}, Format.DIFF, (64, 32), None),
        ({"diff": (64, 32), "diff_b": (64,)}, Format.DIFF, (64, 32), None),
        ({"lora_down__weight": (4, 32), "lora_up__weight": (64, 4), "diff_b": (64,)}, Format.LORA, (64, 32), 4),
        ({"diff_b": (64,)}, Format.BIAS, (64,), None),
    ],
)  # fmt: skip
def test_a_usable_format_is_read_with_its_dense_shape_and_rank(
    tensors: dict[str, tuple[int, ...]], kind: Format, shape: tuple[int, ...], rank: int | None
) -> None:
    module = read(**tensors)
    assert (module.format, module.shape, module.rank, module.problem) == (kind, shape, rank, None)
    assert module.usable


@pytest.mark.parametrize(
    ("tensors", "kind"),
    [
        ({"w_norm": (64,), "b_norm": (64,)}, Format.NORM),
        ({"weight": (64,), "on_input": ()}, Format.IA3),
        ({"ia3_l": (64, 1)}, Format.IA3),
        ({"oft_blocks": (4, 16, 16), "alpha": ()}, Format.OFT),
        ({"oft_R__weight": (4, 120)}, Format.OFT),
        ({"boft_R": (2, 4, 8, 8)}, Format.BOFT),
        ({"a1__weight": (4, 4), "a2__weight": (4, 4), "b1__weight": (4, 4), "b2__weight": (4, 4)}, Format.GLORA),
        ({"string_to_param__*": (4, 768)}, Format.EMBEDDING),
        ({"lora_A__weight": (4, 32), "lora_B__weight": (64, 4), "lora_B__bias": (64,)}, Format.CONTROL),
        ({"weight": (64, 32), "bias": (64,)}, Format.WEIGHTS),
        ({"gadget": (1,)}, Format.FOREIGN),
    ],
)
def test_what_cannot_be_used_has_a_name(tensors: dict[str, tuple[int, ...]], kind: Format) -> None:
    module = read(**tensors)
    assert (module.format, module.usable) == (kind, False)


@pytest.mark.parametrize("magnitude", ["dora_scale", "lora_magnitude_vector", "lora_magnitude_vector__weight"])
def test_a_magnitude_is_seen(magnitude: str) -> None:
    assert read(**LORA, **{magnitude: (64, 1)}).dora
    assert not read(**LORA).dora


@pytest.mark.parametrize(
    "tensors",
    [
        {"lora_down__weight": (4, 32)},
        {"lora_up__weight": (64, 4)},
        {"lora_down__weight": (4, 32), "lora_up__weight": (64, 8)},
        {"lora_down__weight": (4, 32), "lora_up__weight": (64, 4, 3, 3)},
        {"lora_down__weight": (32,), "lora_up__weight": (64, 32)},
        {"lora_down__weight": (600, 32), "lora_up__weight": (64, 600)},
        {**LORA, **LOHA},
        {**LORA, "alpha": (2,)},
        {"lora_down__weight": (4, 32), "lora_A__weight": (4, 32), "lora_up__weight": (64, 4)},
        {**LOHA, "hada_w2_b": (3, 288)},
        {"lokr_w1": (4, 8)},
        {"lokr_w1": (4,), "lokr_w2": (16, 4)},
        {"lokr_w1": (4, 8), "lokr_w1_a": (4, 1), "lokr_w2": (16, 4)},
        {"diff": (64,)},
        {"alpha": ()},
        {"dora_scale": (64, 1)},
    ],
)
def test_a_malformed_module_says_what_is_wrong(tensors: dict[str, tuple[int, ...]]) -> None:
    module = read(**tensors)
    assert not module.usable


@pytest.mark.parametrize(
    ("key", "module"),
    [
        ("unet.P.attn1.processor.to_q_lora.down.weight", "unet.P.attn1.to_q"),
        ("P.attn1.processor.to_out_lora.down.weight", "P.attn1.to_out.0"),
        ("text_encoder.P.self_attn.to_out_lora.down.weight", "text_encoder.P.self_attn.out_proj"),
        ("text_encoder.P.q_proj.lora_linear_layer.down.weight", "text_encoder.P.q_proj"),
        ("double_blocks.3.processor.qkv_lora2.down.weight", "double_blocks.3.txt_attn.qkv"),
        ("double_blocks.3.processor.proj_lora1.down.weight", "double_blocks.3.img_attn.proj"),
        ("base_model.model.P.lora_A.default.weight", "base_model.model.P"),
        ("P.x.lora_A.my_adapter.weight", "P.x"),
    ],
)
def test_old_spellings_are_unfolded(key: str, module: str) -> None:
    assert list(modules_of({key: SimpleNamespace(shape=(4, 32))})) == [module]


def test_a_flat_change_fits_a_linear_and_a_convolution() -> None:
    loha = read(**LOHA)
    assert loha.matches((64, 32, 3, 3))
    assert loha.matches((64, 288))
    assert not loha.matches((64, 32))
    assert not read(**LORA).matches((64, 32, 1, 1))
