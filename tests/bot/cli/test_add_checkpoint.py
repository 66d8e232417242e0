"""`library add-checkpoint`: by a link of a hub on this machine, and with files that are here."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from diffusers import StableDiffusionXLPipeline
from safetensors.numpy import load, save

from bot.cli import DONE
from bot.cli.library.add_checkpoint import _base_model
from bot.config import ConfigError
from bot.sources.downloads.folders import RemoteFolder, wanted_files
from bot.sources.errors import Gone
from bot.sources.hubs.remote import RemoteFile
from inference.demo import CHECKPOINTS
from tests.bot.cli.commands import Here, Person
from tests.bot.sources.hubs import COMMIT, Hubs, content, running_hubs, status
from tests.house import House
from tests.lora_files import safetensors_bytes, write_lora
from tests.weight_files import single_file, write_folder, write_weights


@contextmanager
def served() -> Iterator[Hubs]:
    """Both hubs in a thread of their own: the command has an event loop itself."""
    found: list[Hubs] = []
    ready, ended = Event(), Event()

    async def serve() -> None:
        async with running_hubs() as hubs:
            found.append(hubs)
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        ended.set()
        thread.join()


def endpoints(hubs: Hubs) -> dict[str, str]:
    names = ("CIVITAI_ENDPOINT", "CIVITAI_RED_ENDPOINT", "HUGGINGFACE_ENDPOINT")
    return {f"EASEL_SOURCES__{name}": hubs.url for name in names} | {"EASEL_SOURCES__FREE_GIGABYTES": "0"}


def test_files_that_are_here_are_checked_and_declared(here: Here, tmp_path: Path) -> None:
    config, folder = House(tmp_path / "house").config, CHECKPOINTS[0].path
    said = here(
        "library", "add-checkpoint", str(folder), "--base", "demo/vivid", "--name", "Mine", "--config", str(config)
    )
    assert said.code == DONE, said.err
    (section,) = tomllib.loads(said.out)["checkpoints"]
    assert section == {"name": "Mine", "path": str(folder.resolve()), "base_model": "demo/vivid"}
    wrong = here("library", "add-checkpoint", str(folder), "--base", "sdxl/pony", "--config", str(config))
    assert "is not sdxl/pony, as --base says: its layers are those of demo/vivid, demo/pastel" in wrong.sentence
    unknown = here("library", "add-checkpoint", str(folder), "--config", str(config)).sentence
    assert (
        "its layers are those of demo/vivid, demo/pastel" in unknown
        and f"--base ARCHITECTURE/LINEAGE --config {config}`" in unknown
    )
    assert said.out.startswith(f"# Add this to {config}, and check it with `easel doctor --config {config}`.")


@pytest.fixture
def sdxl(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "mix.safetensors", single_file("sdxl"))


def test_the_layers_tell_the_base_model_where_only_one_has_them(here: Here, tmp_path: Path) -> None:
    kolors = write_folder(tmp_path / "kolors", "kolors")
    base, notes = _base_model(kolors, "", None, None, None)
    assert (base, notes) == ("sdxl/kolors", ["Its layers are those of Kolors."])
    with pytest.raises(ConfigError, match="is not sdxl/base, as --base says: its layers are those of sdxl/kolors"):
        _base_model(kolors, "", "sdxl/base", None, None)


def test_a_person_chooses_among_base_models_with_the_same_layers(
    sdxl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person("", "99", "3")
    assert _base_model(sdxl, "nobody", None, None, person)[0] == "sdxl/noobai", "Enter is no answer"
    person = Person("")
    assert _base_model(sdxl, "Illustrious", None, None, person)[0] == "sdxl/illustrious", "the page's is proposed"
    assert "Its page says sdxl/illustrious." in capsys.readouterr().out
    named = sdxl.rename(sdxl.with_name("novelPonyXL.safetensors"))
    assert _base_model(named, "", None, None, Person(""))[0] == "sdxl/pony"
    assert "Its name says sdxl/pony." in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no checkpoint of unknown base model"):
        _base_model(named, "", None, None, Person("9"))


def test_without_a_person_what_it_may_be_is_named_and_nothing_assumed(sdxl: Path) -> None:
    with pytest.raises(ConfigError, match=r"Its page says sdxl/pony\. If that is right, run .*--base sdxl/pony"):
        _base_model(sdxl, "Pony", None, None, None)
    with pytest.raises(ConfigError, match="--base ARCHITECTURE/LINEAGE"):
        _base_model(sdxl, "SD 1.5", None, None, None)
    sd1 = write_weights(sdxl.parent / "x.safetensors", single_file("sd1"))
    with pytest.raises(ConfigError, match="its layers are those of sd1/base"):
        _base_model(sd1, "", None, None, None)
    assert _base_model(sd1, "", "sd1/anything", None, None) == ("sd1/anything", [])


def test_what_the_page_says_against_the_operator_is_told(sdxl: Path) -> None:
    base, notes = _base_model(sdxl, "Illustrious", "sdxl/pony", None, None)
    assert (base, notes) == ("sdxl/pony", ["Its page says sdxl/illustrious, but --base says sdxl/pony."])
    with pytest.raises(ConfigError, match="is not sd1/base, as --base says: its layers are those of sdxl/base,"):
        _base_model(sdxl, "", "sd1/base", None, None)


def test_a_file_that_is_no_checkpoint_is_told_before_any_question(here: Here, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "lora.safetensors")
    assert "is a LoRA and no checkpoint" in here("library", "add-checkpoint", lora).sentence
    (tmp_path / "rubbish.safetensors").write_bytes(b"rubbish")
    assert "cannot be used" in here("library", "add-checkpoint", tmp_path / "rubbish.safetensors").sentence
    (tmp_path / "folder").mkdir()
    assert "no diffusers folder" in here("library", "add-checkpoint", tmp_path / "folder").sentence


def test_a_link_is_fetched_beside_the_settings_and_checked(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    with served() as hubs:
        model_id = hubs.add_model("Merge", type="Checkpoint")
        version_id = hubs.add_version(model_id, safetensors_bytes({}), "Illustrious")
        lora_id = hubs.add_lora("Komori", b"x" * 100)
        given = ("library", "add-checkpoint", hubs.link(version_id), "--config", str(config))
        said = here(*given, **endpoints(hubs))
        assert "holds no denoiser, so it is no checkpoint" in said.sentence
        assert (config.parent / "checkpoints" / "Merge.safetensors").exists()
        said = here(*given, "--base", "sdxl/illustrious", **endpoints(hubs))
        assert "already exists" in said.sentence
        said = here("library", "add-checkpoint", hubs.link(lora_id), "--config", str(config), **endpoints(hubs))
        assert "LORA" in said.sentence
        other = hubs.add_version(hubs.add_model("Page", type="Checkpoint"), b"y" * 100, "Pony")
        hubs.fault(hubs.file_path(other), content(b"<html>", "text/html"))
        said = here("library", "add-checkpoint", hubs.link(other), "--config", str(config), **endpoints(hubs))
        assert "web page" in said.sentence
        assert len(list((config.parent / "checkpoints").iterdir())) == 1


def test_what_is_neither_is_told(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    said = here("library", "add-checkpoint", "nowhere.safetensors", "--config", str(config))
    assert "neither a file nor a Civitai or Hugging Face link" in said.sentence


def vivid() -> dict[str, bytes]:
    """The files of a shipped checkpoint, as a repository has them, with much beside them that is not loaded."""
    folder = CHECKPOINTS[0].path
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    others = ("README.md", "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors")
    more = ("unet/run.py", "unet/deeper/config.json", "safety_checker/model.safetensors", "vivid.safetensors")
    return files | dict.fromkeys((*others, *more), b"not loaded")


def test_a_repository_is_fetched_as_a_folder_of_what_is_loaded(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    with served() as hubs:
        hubs.add_repository("maker/vivid", vivid())
        given = ("library", "add-checkpoint", "https://huggingface.co/maker/vivid", "--config", str(config))
        said = here(*given, "--base", "demo/vivid", **endpoints(hubs))
        assert said.code == DONE, said.err
        fetched = [asked.path for asked in hubs.asked if "/resolve/" in asked.path]
        assert len(fetched) == len(set(fetched)) and all(f"/resolve/{COMMIT}/" in path for path in fetched)
    target = config.parent / "checkpoints" / "vivid"
    there = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert there == {name: data for name, data in vivid().items() if data != b"not loaded"}
    (section,) = tomllib.loads(said.out)["checkpoints"]
    assert section == {"name": "vivid", "path": str(target.resolve()), "base_model": "demo/vivid"}
    assert [path.name for path in target.parent.iterdir()] == ["vivid"]


def test_a_folder_that_could_not_be_fetched_is_told_and_goes_on_the_next_time(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    with served() as hubs:
        hubs.add_repository("maker/vivid", vivid())
        given = ("library", "add-checkpoint", "https://huggingface.co/maker/vivid", "--config", str(config))
        weights = f"/maker/vivid/resolve/{COMMIT}/vae/diffusion_pytorch_model.safetensors"
        refused = ((status(404), "does not have this"), (content(b"\x80\x02}q"), "is not really a safetensors file"))
        for answer, words in refused:
            hubs.fault(weights, answer)
            said = here(*given, "--base", "demo/vivid", **endpoints(hubs))
            assert words in said.sentence
            assert not (config.parent / "checkpoints" / "vivid").exists()
            assert not list((config.parent / "checkpoints").rglob("*.safetensors.part"))
        hubs.faults.clear()
        hubs.asked.clear()
        assert here(*given, "--base", "demo/vivid", **endpoints(hubs)).code == DONE
        assert f"/maker/vivid/resolve/{COMMIT}/unet/diffusion_pytorch_model.safetensors" not in [
            asked.path for asked in hubs.asked
        ], "that was there already"


def test_weights_in_half_precision_get_the_plain_name_and_pickles_are_refused(here: Here, tmp_path: Path) -> None:
    config, files = House(tmp_path / "house").config, vivid()
    half, plain = "unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.safetensors"
    files[half] = files.pop(plain)
    with served() as hubs:
        hubs.add_repository("maker/half", files)
        hubs.add_repository("maker/pickle", {name: data for name, data in files.items() if name != half})
        given = ("library", "add-checkpoint", "--base", "demo/vivid", "--config", str(config))
        assert here(*given, "https://huggingface.co/maker/half", **endpoints(hubs)).code == DONE
        said = here(*given, "https://huggingface.co/maker/pickle", **endpoints(hubs))
        assert "no safetensors file" in said.sentence
        hubs.add_repository("maker/large", files)
        hubs.sizes["maker/large"] = 2**40
        said = here(*given, "https://huggingface.co/maker/large", **endpoints(hubs))
        assert "larger than" in said.sentence
    assert (config.parent / "checkpoints" / "half" / plain).exists()


def sharded(files: dict[str, bytes], part: str, name: str) -> dict[str, bytes]:
    """The files with the weights of a part in two shards, and the index that names them."""
    tensors = load(files[f"{part}/{name}.safetensors"])
    names = sorted(tensors)
    halves = {
        f"{name}-{number:05}-of-00002.safetensors": {each: tensors[each] for each in names[number - 1 :: 2]}
        for number in (1, 2)
    }
    index = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
        "weight_map": {each: shard for shard, half in halves.items() for each in half},
    }
    others = {path: data for path, data in files.items() if path != f"{part}/{name}.safetensors"}
    shards = {f"{part}/{shard}": save(half) for shard, half in halves.items()}
    return others | shards | {f"{part}/{name}.safetensors.index.json": json.dumps(index).encode()}


@pytest.mark.parametrize(
    ("shards", "index", "complete"),
    [
        (["model 1/2", "model 2/2"], "model", True),
        (["model 1/1", "diffusion_pytorch_model 1/2"], "model", True),
        (["model 1/2", "diffusion_pytorch_model 2/2"], "diffusion_pytorch_model", False),
        (["diffusion_pytorch_model 1/1"], "model", False),
        (["model 1/3", "model 2/2", "model 3/1"], "model", False),
        (["model 0/1"], "model", False),
        (["model 1/2", "model 3/2"], "model", False),
    ],
)
def test_shards_of_one_set_are_taken_or_none(shards: list[str], index: str, *, complete: bool) -> None:
    def path(told: str) -> str:
        stem, number, total = told.replace("/", " ").split()
        return f"unet/{stem}-{int(number):05}-of-{int(total):05}.safetensors"

    there = [*map(path, shards), f"unet/{index}.safetensors.index.json"]
    files = {name: RemoteFile(url=f"https://hub/{name}", name=name) for name in there}
    folder = RemoteFolder("vivid", COMMIT, "maker/vivid", files)
    if complete:
        own = {name for name in there if name.startswith(f"unet/{index}")}
        assert {name for name, _file in wanted_files(folder, ["unet"])} == own
    else:
        with pytest.raises(Gone):
            list(wanted_files(folder, ["unet"]))


@pytest.mark.parametrize(
    ("listed", "index"),
    [
        (["model_index.json"], "model_index.json"),
        (["modular_model_index.json"], "modular_model_index.json"),
        (["modular_model_index.json", "model_index.json"], "model_index.json"),
        (["index.json"], None),
    ],
)
def test_a_repository_is_a_checkpoint_by_either_index(listed: list[str], index: str | None) -> None:
    files = {name: RemoteFile(url=f"https://hub/{name}", name=name) for name in listed}
    folder = RemoteFolder("vivid", COMMIT, "maker/vivid", files)
    assert folder.index == index and folder.is_checkpoint == (index is not None)


def test_weights_in_shards_are_fetched_with_their_index(here: Here, tmp_path: Path) -> None:
    config, files = House(tmp_path / "house").config, vivid()
    whole = "unet/diffusion_pytorch_model.safetensors"
    shards = sharded(sharded(files, "unet", "diffusion_pytorch_model"), "text_encoder", "model")
    with served() as hubs:
        hubs.add_repository("maker/shards", shards)
        hubs.add_repository("maker/both", shards | {whole: files[whole]})
        lost = {path: data for path, data in shards.items() if "unet" not in path or "00002-of" not in path}
        hubs.add_repository("maker/lost", lost)
        given = ("library", "add-checkpoint", "--base", "demo/vivid", "--config", str(config))
        said = here(*given, "https://huggingface.co/maker/shards", **endpoints(hubs))
        assert said.code == DONE, said.err
        assert here(*given, "https://huggingface.co/maker/both", **endpoints(hubs)).code == DONE
        said = here(*given, "https://huggingface.co/maker/lost", **endpoints(hubs))
        assert "does not have this" in said.sentence
    folder = config.parent / "checkpoints"
    assert not (folder / "lost").exists()
    fetched = {path.relative_to(folder / "shards").as_posix() for path in (folder / "shards").rglob("*.safetensors*")}
    assert {path for path in shards if ".safetensors" in path and shards[path] != b"not loaded"} == fetched
    assert not list((folder / "both" / "unet").glob("*-of-*")), "one file has all of it"
    pipeline = StableDiffusionXLPipeline.from_pretrained(folder / "shards", local_files_only=True)
    tensors = pipeline.unet.state_dict()
    assert all((tensors[name].numpy() == tensor).all() for name, tensor in load(files[whole]).items())
