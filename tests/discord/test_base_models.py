"""What a checkpoint does not take is neither offered nor left out without a word."""

from __future__ import annotations

import json
from pathlib import Path

from bot.config import CheckpointSettings, Settings
from inference.base_models import BaseModelId
from inference.files.hashes import file_sha256
from inference.lora.beside.declarations import allow_on
from inference.messages.checkpoints import PredictionType
from tests.bot.sources.adding import demo_lora
from tests.discord.conftest import PROMPT, open_scene, told
from tests.discord.test_studio import control, fresh, pick, press, say
from tests.house import BASES, VIVID, House
from tests.lora_files import write_lora, write_sidecar

NOOB, NOOB_BASE = "Noob", BaseModelId("sdxl/noobai")
FLOWING = "Flowing"  # declared as Flux.1; nothing is painted on it


class NoobHouse(House):
    """A house with one more checkpoint, declared as NoobAI, and a LoRA for NoobAI of unknown prediction type."""

    @property
    def settings(self) -> Settings:
        settings = super().settings
        vivid = settings.checkpoints[0]
        noob = CheckpointSettings(
            name=NOOB, path=vivid.path, base_model=NOOB_BASE, sizes=vivid.sizes, prediction_type=PredictionType.EPSILON
        )
        return settings.model_copy(update={"checkpoints": (*settings.checkpoints, noob)})


async def test_a_lora_of_unknown_prediction_type_is_told_until_an_operator_declares_it(tmp_path: Path) -> None:
    house = NoobHouse(tmp_path / "house")
    komori = write_lora(house.library / "Komori.safetensors", seed=9)
    write_sidecar(komori, base_model=NOOB_BASE)
    allow_on(house.library, file_sha256(komori), BaseModelId("sdxl/pony"), who="me", reason="x")
    async with open_scene(house) as scene, scene.bot():
        ada, margaret = scene.ada, scene.control.person("Margaret")
        page = await told(ada, "lora info", name="Komori")
        assert "is made for v-prediction or for epsilon prediction." in page.text
        assert (
            "An operator also allows this version for these base models: Pony" in page.text
            and f"Fits {NOOB}" in page.text
        )
        await pick(ada, await fresh(scene, ada), "checkpoint", NOOB)
        panel = await told(ada, "studio", add="Komori")
        assert (
            "⚠️ Easel does not know whether Komori is made for v-prediction or for epsilon prediction. "
            f"If the type does not match {NOOB}, pictures look bad." in panel.text
        )

        page = await told(margaret, "lora info", name="Komori")
        opener = await margaret.press(page, "Declare base model")
        parts = [part["component"] for part in (await opener.modal())["components"]]
        (base,) = (part for part in parts if part["custom_id"] == "base")
        assert [option["value"] for option in base["options"] if option.get("default")] == [NOOB_BASE]
        values = {"base": [NOOB_BASE], "prediction": ["v_prediction"], "reason": "I trained it myself"}
        await (await margaret.submit(opener, values)).reply()
        page = await told(ada, "lora info", name="Komori")
        assert "Made for v-prediction · declared by an operator" in page.text
        assert "Fits no model installed here" in page.text
        refused = await told(ada, "imagine", prompt=PROMPT, checkpoint=NOOB, lora1="Komori")
        assert f"Komori is made for v-prediction models, but {NOOB} uses epsilon prediction" in refused.text


class FlowingHouse(House):
    """A house with one more checkpoint, declared as another base model."""

    @property
    def settings(self) -> Settings:
        settings = super().settings
        vivid = settings.checkpoints[0]
        base = BaseModelId("flux1/dev")
        flowing = CheckpointSettings(name=FLOWING, path=vivid.path, base_model=base, sizes=vivid.sizes)
        return settings.model_copy(update={"checkpoints": (*settings.checkpoints, flowing)})


async def test_the_studio_offers_what_the_checkpoint_takes(tmp_path: Path) -> None:
    async with open_scene(FlowingHouse(tmp_path / "house")) as scene, scene.bot():
        ada = scene.ada
        panel = await say(ada, await fresh(scene, ada), PROMPT)
        assert "Two characters" in panel.buttons
        old = control(panel, "parts")
        opener = await ada.press(panel, "Edit prompt")
        await opener.modal()
        panel = await (await ada.submit(opener, {"negative": "a hat"})).reply()
        assert "Negative prompt: a hat" in panel.text
        opener = await ada.press(panel, "Advanced")
        assert "clip_skip" in json.dumps(await opener.modal())
        panel = await (await ada.submit(opener, {"guidance": "1", "clip_skip": "3"})).reply()
        assert "Negative prompt, used only with guidance above 1: a hat" in panel.text and "clip skip 3" in panel.text

        flowing = await pick(ada, panel, "checkpoint", FLOWING)
        assert "This model does not support negative prompts, so yours is not used: a hat" in flowing.text
        assert "Two characters" not in flowing.buttons
        assert "generates each picture from one prompt" in (await scene.forged(ada, old)).text
        for button, field in (("Advanced", "clip_skip"), ("Edit prompt", "negative")):
            opener = await ada.press(flowing, button)
            assert field not in json.dumps(await opener.modal())
            panel = await (await ada.submit(opener, {})).reply()
        panel = await pick(ada, panel, "checkpoint", VIVID)
        assert "Negative prompt, used only with guidance above 1: a hat" in panel.text, "what is not asked for is kept"

        panel = await pick(ada, panel, "checkpoint", FLOWING)
        opener = await ada.press(panel, "Advanced")
        await opener.modal()
        panel = await (await ada.submit(opener, {"steps": "60"})).reply()
        panel = await pick(ada, panel, "checkpoint", VIVID)
        assert (
            f"You chose 60 steps, but {VIVID} usually uses 8 steps. To use the default, clear the field" in panel.text
        )
        assert "· 60 steps" in panel.text

        picture = await scene.painted(await ada.slash("imagine", prompt=PROMPT, checkpoint=VIVID))
        panel = await press(ada, picture, "Edit")
        assert "8 steps" in panel.text and "Your studio now has this picture's settings" in panel.text
        panel = await pick(ada, panel, "checkpoint", FLOWING)
        assert "28 steps · euler · guidance 3.5" in panel.text and "You chose" not in panel.text

        async def suggested(option: str, typed: str = "", **options: object) -> dict[str, object]:
            found = await ada.autocomplete("imagine", option, typed, **options)
            return {choice["name"]: choice["value"] for choice in found}

        on_flow = await suggested("sampler", checkpoint=FLOWING)
        assert list(on_flow)[:2] == ["Default: euler", "dpmpp_2m"] and not {"ddim", "tcd"} & set(on_flow.values())
        assert {"ddim", "tcd"} <= set((await suggested("sampler")).values()), "those of the default one"
        assert list(await suggested("sampler", "TC", checkpoint=VIVID)) == ["tcd"]
        assert "beta" in await suggested("spacing", checkpoint=FLOWING) and "beta" not in await suggested("spacing")
        assert list(await suggested("spacing", sampler="lcm", checkpoint=VIVID)) == ["trailing"]
        refused = await told(ada, "imagine", prompt=PROMPT, checkpoint=FLOWING, sampler="ddim")
        assert (
            f"The sampler ddim does not work with {FLOWING}" in refused.text
            and "To use the default (euler), leave the field empty" in refused.text
        )


async def test_an_operator_is_told_if_a_declaration_does_not_count(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    (house.library / "Owl.safetensors").write_bytes(demo_lora(seed=11))
    async with open_scene(house) as scene, scene.bot():
        margaret = scene.control.person("Margaret")

        async def declare(base: str, prediction: str) -> str:
            page = await told(margaret, "lora info", name="Owl")
            opener = await margaret.press(page, "Declare base model")
            await opener.modal()
            values = {"base": [base], "prediction": [prediction], "reason": "I trained it myself"}
            return (await (await margaret.submit(opener, values)).reply()).text

        against_layers = await declare("sdxl/pony", "v_prediction")
        assert "Easel does not accept Pony for Owl" in against_layers and "base model is Vivid." in against_layers
        assert "is made for v-prediction." in against_layers
        against_hash = await declare(BASES[VIVID], "epsilon")
        assert "base model of Owl is now Vivid" in against_hash
        assert "Easel does not accept epsilon prediction for this LoRA" in against_hash
