"""`doctor` with the real worker: it says what it looked at, what is wrong, and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.app.demo_settings import demo_checkpoint
from bot.app.from_settings import require_signing
from bot.app.record_keeping import caught_up, save_record
from bot.cli import DONE, UNUSABLE
from bot.cli.setup.doctor import (
    PAINTS_ON,
    WARNED_DAYS,
    _looked_at,
    _records,
    _signing,
    _weighed,
    _writable,
    face_finding,
)
from bot.config import CheckpointSettings, ConfigError, load_settings
from bot.config.example import config_text
from bot.database.privacy.erasures import request_erasure
from bot.database.storage.backup import back_up, put_back
from bot.database.storage.lock import program_lock
from bot.database.storage.pseudonyms import key_file
from bot.database.storage.record_of_removals import record_file
from bot.diagnostics.capacity import SPEED
from bot.diagnostics.cards import CARD
from bot.diagnostics.checkpoints import check_files, load_of
from bot.diagnostics.finding import Finding, FindingGrade
from bot.library.fitting import FITTING
from bot.pictures.faces import FaceFinder, FacesUnusable
from inference.checkpoints.classifier_files import WEIGHTS
from inference.demo import CHECKPOINTS
from tests.bot.cli.commands import Here, bot
from tests.bot.pictures.certificates import settings_in
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_lora, write_sidecar
from tests.weight_files import single_file, write_folder, write_weights

OK, WARNING, PROBLEM = FindingGrade.OK, FindingGrade.WARNING, FindingGrade.PROBLEM


def graded(*arguments: str | Path, **environment: str) -> dict[str, tuple[str, str]]:
    said = bot("doctor", "--json", *arguments, **environment)
    assert "Traceback" not in said.err
    findings = {finding["what"]: (finding["grade"], finding["says"]) for finding in json.loads(said.out)}
    assert said.code == (UNUSABLE if "problem" in {grade for grade, _ in findings.values()} else DONE)
    return findings


def test_the_doctor_says_of_each_thing_what_to_do(house: House) -> None:
    text = (
        house.config.read_text()
        .replace("checkpoints/pastel", "checkpoints/nowhere")
        .replace('devices = ["auto"]', 'devices = ["cuda:99"]')
    )
    config = house.folder / "bad.toml"
    config.write_text(text)
    (house.library / "diary.safetensors").write_text("Dear diary")
    findings = graded("--config", config, EASEL_DISCORD__TOKEN="not a token", EASEL_STORAGE__FOLDER="/proc/nowhere")
    assert findings["settings"] == ("ok", f"{config}, which declares {VIVID} and {PASTEL}")
    assert findings["token"][0] == "warning" and "copy it again" in findings["token"][1]
    assert "not a token" not in str(findings)
    assert findings["operators"][0] == "warning" and "[discord] operators" in findings["operators"][1]
    assert findings["storage"][0] == "problem" and "choose another [storage] folder" in findings["storage"][1]
    assert findings[f"checkpoint {VIVID}"][0] == "ok"
    assert findings[f"checkpoint {PASTEL}"][0] == "problem"
    assert "correct its path" in findings[f"checkpoint {PASTEL}"][1]
    assert findings[CARD][0] == "problem" and "cuda:99" in findings[CARD][1]
    assert findings["worker"][0] == "problem"


def test_the_doctor_finds_a_broken_library_file_and_praises_the_rest(house: House) -> None:
    (house.library / "diary.safetensors").write_text("Dear diary")
    findings = graded("--config", house.config, EASEL_DISCORD__OPERATORS="[1]")
    assert not [finding for finding in findings.values() if finding[0] == "problem"]
    assert findings.keys() >= {f"checkpoint {VIVID}", f"checkpoint {PASTEL}", "worker", CARD}
    assert "1 cannot" not in findings["settings"][1] and "cannot; `library scan`" in findings["database and library"][1]
    assert findings["operators"] == ("ok", "1 named")
    assert findings["worker"] == ("ok", "generates on cpu") or os.environ.get("CUDA_VISIBLE_DEVICES")


def test_the_doctor_counts_the_loras_that_fit_each_checkpoint(house: House) -> None:
    house.add_lora("Moth", BASES[VIVID], seed=9)
    assert graded("--config", house.config)[FITTING] == ("ok", f"of 4 LoRAs: 2 for {VIVID}, 1 for {PASTEL}")
    with program_lock(house.settings.storage.database):
        findings = graded("--config", house.config)
    assert findings["database"] == ("ok", "in use by the running Easel")
    assert findings[FITTING] == ("ok", f"of 4 LoRAs: 2 for {VIVID}, 1 for {PASTEL}"), "of a running Easel too"


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives folders away")
def test_root_is_told_whose_folder_it_is(house: House) -> None:
    folder = house.settings.storage.folder
    assert _writable(folder).grade is OK
    os.chown(folder, 4711, 4711)
    found = _writable(folder)
    assert found.grade is WARNING and "belongs to 4711" in found.says and "Run `sudo -u 4711 " in found.says


def test_the_doctor_warns_if_no_lora_fits_a_checkpoint(house: House) -> None:
    config = house.folder / "other.toml"
    other = house.config.read_text().replace('base_model = "demo/', 'base_model = "sdxl/')
    config.write_text(other.replace('"sdxl/vivid"', '"sdxl/pony"').replace('"sdxl/pastel"', '"sdxl/illustrious"'))
    grade, says = graded("--config", config)[FITTING]
    assert grade == "warning" and says.startswith("no LoRA of 3 fits a declared checkpoint")
    for words in (f"{BASES[VIVID]} (1)", f"{BASES[PASTEL]} (1)", "unknown (1)", "sdxl/pony, sdxl/illustrious"):
        assert words in says
    assert "`library declare` sets an unknown base model" in says
    for file in house.library.iterdir():
        file.unlink()
    assert graded("--config", config)[FITTING] == ("ok", "the library has no LoRAs yet")


@pytest.mark.parametrize(
    ("setting", "words"), [("tell", "may give bad pictures"), ("refuse", "epsilon checkpoints refuse")]
)
def test_the_doctor_counts_loras_that_may_be_for_v_or_epsilon(house: House, setting: str, words: str) -> None:
    write_sidecar(write_lora(house.library / "noob.safetensors", seed=8), base_model="sdxl/noobai")
    assert "prediction types" not in graded("--config", house.config), "no checkpoint is installed where it matters"
    config = house.folder / "noob.toml"
    text = house.config.read_text().replace('base_model = "demo/pastel"', 'base_model = "sdxl/noobai"')
    config.write_text(text)
    grade, says = graded("--config", config, EASEL_MATCHING__UNKNOWN_PREDICTION=setting)["prediction types"]
    assert grade == "warning" and says.startswith("1 LoRA file does not say") and words in says
    assert "--prediction" in says


def test_the_doctor_names_every_bad_setting(here: Here, house: House) -> None:
    config = house.config
    config.write_text("[worker]\ndevcie = 'cpu'\nthreads = 0\n")
    said = here("doctor", "--config", config)
    assert said.code == UNUSABLE
    assert "worker.devcie" in said.out and "worker.threads" in said.out


def test_without_a_file_the_doctor_says_that_it_looked_at_the_demo(house: House) -> None:
    said = _looked_at(None, house.settings)
    assert "write one with `easel init DIR`" in said.says
    assert said.grade is WARNING
    assert (
        "no config.toml in this folder" in said.says
        and "the demo settings (vivid and pastel) instead of yours" in said.says
    )
    assert "--config FILE" in said.says


@pytest.mark.parametrize(
    ("device", "hardware", "grade"),
    [
        ("cpu", [], OK),
        ("cpu", [Finding(CARD, OK, "there is none")], OK),
        ("cpu", [Finding(SPEED, WARNING, "an hour")], WARNING),
        ("cpu", [Finding(CARD, WARNING, "a build for the CPU")], WARNING),
        ("cuda:0", [Finding(SPEED, WARNING, "an hour")], OK),
    ],
)
def test_painting_on_the_cpu_is_fine_where_nothing_speaks_against_it(
    device: str, hardware: list[Finding], grade: FindingGrade
) -> None:
    weighed = _weighed(Finding("worker", OK, PAINTS_ON.format(device=device)), hardware)
    assert weighed.grade is grade
    assert ("which is slow; see" in weighed.says) is (grade is WARNING)


def declared(path: Path | None, base_model: str, **more: object) -> CheckpointSettings:
    return CheckpointSettings.model_validate({"name": "One", "path": path, "base_model": base_model, **more})


def test_the_beginning_of_a_file_is_a_problem_and_not_a_tick(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "pony.safetensors", single_file("sdxl"), size=300_000_000)
    (finding,) = check_files(declared(path, "sdxl/pony"))
    assert (finding.grade, "0.30 of 5.13 GB are there; download it again" in finding.says) == (PROBLEM, True)
    assert load_of(declared(path, "sdxl/pony")).networks == {}


def test_another_architecture_than_the_declared_one_is_a_problem(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "pony.safetensors", single_file("sdxl"))
    (finding,) = check_files(declared(path, "sd1/base"))
    assert (finding.grade, "has the layers of SDXL" in finding.says) == (PROBLEM, True)
    (finding,) = check_files(declared(path, "sdxl/pony"))
    assert finding.grade is OK
    assert load_of(declared(path, "sdxl/pony")).networks["unet"] > 2.5e9


def test_layers_of_no_known_model_are_worth_a_look(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "odd", "sd1")
    write_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", {"conv_in.weight": (8, 4, 3, 3)})
    (finding,) = check_files(declared(folder, "sd1/base"))
    assert (finding.grade, "check its base_model" in finding.says) == (WARNING, True)


def test_a_repository_is_known_as_downloaded_by_what_lies_in_the_hubs_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    one = declared(None, "sd1/base", repository="owner/name")
    (finding,) = check_files(one)
    assert "downloaded from the Hugging Face hub at first use" in finding.says
    load = load_of(one)
    assert load.download and load.estimated and load.networks["unet"] > 8e8
    cached = tmp_path / "models--owner--name"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc")
    write_folder(cached / "snapshots" / "abc", "sd1")
    (finding,) = check_files(one)
    assert "downloaded already" in finding.says
    assert not load_of(one).download and not load_of(one).estimated


def test_doctor_says_whether_photographed_faces_are_found() -> None:
    def broken() -> FaceFinder | None:
        raise FacesUnusable("OpenCV cannot read it")

    none, unusable, there = face_finding(lambda: None), face_finding(broken), face_finding()
    assert none.grade is FindingGrade.WARNING and "each server's own rules" in none.says
    assert re.search(r"\[[\w,-]*\bfaces\b[\w,-]*\]", none.says)
    assert unusable.grade is FindingGrade.PROBLEM and unusable.says.startswith("OpenCV cannot read it")
    assert there.grade is FindingGrade.OK and "found in start pictures" in there.says


def test_a_classifier_that_cannot_be_used_is_told_and_no_worker_starts_with_it(
    house: House, classifiers: dict[str, Path]
) -> None:
    config, broken = house.config, house.folder / "broken"
    shutil.copytree(classifiers["timm"], broken)
    (broken / WEIGHTS).write_bytes((broken / WEIGHTS).read_bytes()[:-64])
    declared = [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS]
    values = {"path": broken, "thresholds": {"red": {"explicit": 0.5}}}
    config.write_text(config_text(declared, worker={"threads": 1}, classifier=values))
    findings = graded("--config", config)
    assert findings["classifier"][0] == "ok", "its files are there"
    grade, says = findings["worker"]
    assert grade == "problem" and "The model of [classifier] or [text_judge] cannot be used" in says
    config.write_text(config.read_text().replace('"red"', '"NSFW"'))
    findings = graded("--config", config)
    assert findings["classifier"][0] == "problem" and "no class 'NSFW'" in findings["classifier"][1]
    assert findings["worker"][0] == "ok", "which is about the device alone"
    said = bot("paint", "a cat", "--config", config)
    assert said.code == UNUSABLE and "no class 'NSFW'" in said.err


def test_a_watermark_without_its_weights_is_told(house: House) -> None:
    declared = [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS]
    (house.folder / "encoder_P.ckpt").touch()
    config = house.config
    config.write_text(config_text(declared, worker={"threads": 1}, watermark={"path": "."}))
    findings = graded("--config", config)
    grade, says = findings["watermark"]
    assert grade == "problem" and f"there is no {house.folder / 'decoder_P.ckpt'}" in says
    assert "[watermark] is removed" in says
    assert findings["worker"][0] == "ok", "which is about the device alone"


def test_a_text_judge_is_loaded_and_timed(house: House, text_judge: Path) -> None:
    config, broken = house.config, house.folder / "broken"
    shutil.copytree(text_judge, broken)
    declared = [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS]

    def said(path: Path, name: str) -> dict[str, list[tuple[str, str]]]:
        values = {"path": path, "minors": {name: 0.5}}
        config.write_text(config_text(declared, worker={"threads": 1}, text_judge=values))
        found: dict[str, list[tuple[str, str]]] = {}
        for finding in json.loads(bot("doctor", "--json", "--config", config).out):
            found.setdefault(finding["what"], []).append((finding["grade"], finding["says"]))
        return found

    (_, files), (grade, speed) = said(text_judge, "minors")["text judge"]
    assert files == f"{text_judge}; its classes are harmless, sexual, minors"
    assert grade == "ok" and re.fullmatch(r"loaded; it reads a short text in \d+\.\d ms", speed)

    ((grade, says),) = said(text_judge, "csam")["text judge"]
    assert grade == "problem" and "has no class 'csam'; its classes are harmless, sexual, minors" in says
    assert "[text_judge] is removed" in says

    (broken / WEIGHTS).write_bytes((broken / WEIGHTS).read_bytes()[:-64])
    findings = said(broken, "minors")
    assert [grade for grade, _ in findings["text judge"]] == ["ok"], "its files are there"
    ((grade, says),) = findings["worker"]
    assert grade == "problem" and "The model of [classifier] or [text_judge] cannot be used" in says
    (broken / WEIGHTS).unlink()
    painted = bot("paint", "a cat", "--config", config)
    assert painted.code == UNUSABLE and f"there is no {broken / WEIGHTS}" in painted.err


def test_signatures_are_tried(house: House) -> None:
    declared = [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS]
    signing = settings_in(house.folder / "certificates")
    assert signing.certificate is not None and signing.key is not None
    values = {"certificate": signing.certificate, "key": signing.key}
    config = house.config
    unsigned = _signing(load_settings(config))
    assert unsigned.grade is WARNING and "not signed" in unsigned.says and "config certificate" in unsigned.says
    config.write_text(config_text(declared, worker={"threads": 1}, c2pa=values))
    settings = load_settings(config)
    found = _signing(settings)
    assert found.grade is OK and f"C2PA by {signing.certificate}, which is usable until 20" in found.says
    settings_in(house.folder / "certificates", days=WARNED_DAYS - 1)
    found = _signing(settings)
    assert found.grade is WARNING and "expires on" in found.says and "config certificate" in found.says
    settings_in(house.folder / "certificates", days=-1)
    found = _signing(settings)
    assert found.grade is PROBLEM and "expired on" in found.says and "config certificate" in found.says
    settings_in(house.folder / "certificates")
    signing.key.chmod(0o644)
    found = _signing(settings)
    assert found.grade is PROBLEM and "chmod 600" in found.says
    with pytest.raises(ConfigError, match="chmod 600"):
        require_signing(settings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds the pictures of an earlier one"),
        (b"SQLite format 3\0" + bytes(50), "is damaged"),
        (b"Dear diary, this is no database." * 200, "is damaged"),
        ("foreign", "another program's database"),
    ],
)
async def test_a_database_that_was_replaced_is_a_problem(house: House, content: bytes | str, words: str) -> None:
    storage = house.settings.storage
    picture = storage.pictures / "0" / "1.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    if isinstance(content, bytes):
        storage.database.write_bytes(content)
    else:
        with closing(sqlite3.connect(storage.database)) as connection:
            connection.execute("CREATE TABLE foreign_table (value)")
    found = [finding for finding in await _records(house.settings) if finding.grade is FindingGrade.PROBLEM]
    assert len(found) == 1 and words in found[0].says, found


async def test_the_doctor_leaves_an_older_database_as_it_is(house: House) -> None:
    database = house.settings.storage.database
    await caught_up(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 0")
    before = database.read_bytes()
    found = await _records(house.settings)
    (older,) = [finding for finding in found if "earlier Easel" in finding.says]
    assert older.grade is FindingGrade.WARNING and "schema 0;" in older.says and "next start of the bot" in older.says
    assert not any(finding.grade is FindingGrade.PROBLEM for finding in found), found
    assert database.read_bytes() == before and not list(database.parent.glob("easel.schema-*"))


async def test_a_wrong_key_is_a_problem_and_a_lost_record_a_warning_until_somebody_acts(
    house: House, here: Here, tmp_path: Path
) -> None:
    database = house.settings.storage.database
    await caught_up(database)
    copy = back_up(database, tmp_path / "copies", keep=1)
    request_erasure(database, 5, by_operator=True)
    save_record(database)
    put_back(copy, database)
    key = key_file(database).read_bytes()
    key_file(database).unlink()
    (problem,) = [found for found in await _records(house.settings) if found.grade is PROBLEM]
    assert "Put that key back" in problem.says
    key_file(database).write_bytes(key)
    assert not await removals(house)
    record_file(database).unlink()
    (found,) = await removals(house)
    assert found.grade is WARNING and "privacy accept-loss" in found.says
    assert await removals(house) == [found], "not once alone"
    with program_lock(database):
        assert await removals(house) == [found], "beside the running bot"
    said = await asyncio.to_thread(here, "privacy", "accept-loss", "--config", house.config)
    assert said.code == DONE and "no longer" in said.out
    assert not await removals(house)


async def removals(house: House) -> list[Finding]:
    return [found for found in await _records(house.settings) if found.what == "removals"]
