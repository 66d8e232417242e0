"""What cannot be done is answered with one clear sentence, quickly, and nothing is lost."""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
from pathlib import Path

import pytest

from bot.cli import DONE, REFUSED, UNUSABLE
from bot.cli.main import main
from bot.database.storage.lock import program_lock
from bot.program import program
from inference.demo import CHECKPOINTS
from tests.bot.cli.commands import Here, Said, bot, can_be_powerless
from tests.house import VIVID, House

TOKEN = "MTE3NDEwOTg0MDk5ODQwMDEwMg.GxxxxX.abcdefghijklmnopqrstuvwxyz0123456789AB"
KEY = "hf_AbCdEfGhIjKlMnOpQrStUvWx1234567890"


def paint(here: Here, house: House, *arguments: str, prompt: str = "a red circle", **environment: str) -> Said:
    return here("paint", prompt, "--config", house.config, "--out", house.folder / "o.png", *arguments, **environment)


def label(value: list[str]) -> str | None:
    return str(value)[:40] if "--" in str(value[0]) else ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lora", "Batt"], ["no LoRA called Batt", "Did you mean Bat?"]),
        (["--lora", "Zzzzzz"], ["no LoRA called Zzzzzz", "library list"]),
        (["--lora", "Wash:0.8"], ["Wash", "Pastel", "Vivid", "The LoRA fits pastel."]),
        (["--lora", "Mystery"], ["mystery", "library declare"]),
        (["--lora", "../../etc/passwd"], ["no LoRA called ../../etc/passwd"]),
        (["--lora", "/etc/passwd"], ["no LoRA called /etc/passwd"]),
        (["--lora", "bat.safetensors"], ["no LoRA called bat.safetensors", "Bat"]),
        (["--lora", "'; DROP TABLE lora; --"], ["no LoRA called '; DROP TABLE lora; --"]),
        (["--lora", ""], ["no LoRA"]),
        (["--lora", "x" * 5000], ["no LoRA called xxx"]),
        (["--lora", "Bat:nan"], ["weight of Bat", "between -4 and 4"]),
        (["--lora", "Bat:-inf"], ["weight of Bat"]),
        (["--lora", "Bat:5"], ["weight of Bat"]),
        (["--lora", "Bat", "--lora", "bat"], ["Bat was chosen twice"]),
        (["--lora", "Bat"] * 6, ["6 LoRAs", "up to 5"]),
        (["--checkpoint", "nobody"], ["no model called “nobody”", "vivid and pastel"]),
        (["--checkpoint", "../vivid"], ["no model called “../vivid”"]),
        (["--size", "10x10"], ["does not support the size 10x10", "64x64 (square)"]),
        (["--size", "²x²"], ["does not support the size"]),
        (["--sampler", "magic"], ["sampler magic", "euler"]),
        (["--count", "0"], ["count"]),
        (["--count", "5"], ["count"]),
        (["--steps", "0"], ["steps"]),
        (["--steps", "1000"], ["steps"]),
        (["--guidance", "nan"], ["guidance"]),
        (["--guidance", "1e309"], ["guidance"]),
        (["--seed", "-1"], ["seed"]),
        (["--seed", "4294967296"], ["seed"]),
        (["--negative", "x" * 10_000], ["negative prompt", "10000", "4000"]),
    ],
    ids=label,
)  # fmt: skip
def test_a_request_that_cannot_be_painted_is_refused_in_a_sentence(
    here: Here, shared_house: House, arguments: list[str], words: list[str]
) -> None:
    out = shared_house.folder / "o.png"
    said = here("paint", "a red circle", "--config", shared_house.config, "--out", out, *arguments)
    assert said.code == REFUSED, said
    for word in words:
        assert word in said.sentence
    assert len(said.sentence) < 600
    assert said.sentence.isprintable()
    assert not (shared_house.folder / "o.png").exists()


def test_a_name_that_is_no_text_is_refused(shared_house: House) -> None:
    said = bot(
        "paint", "x", "--lora", b"\xff\xfe", "--config", shared_house.config, "--out", shared_house.folder / "o.png"
    )
    assert (said.code, "no LoRA" in said.sentence) == (REFUSED, True)


def test_a_prompt_of_blanks_is_asked_for(here: Here, shared_house: House) -> None:
    said = paint(here, shared_house, prompt="   ")
    assert (said.code, "describe the picture that you want" in said.sentence) == (REFUSED, True)


def test_a_prompt_of_ten_thousand_characters_is_refused(here: Here, shared_house: House) -> None:
    said = paint(here, shared_house, prompt="x" * 10_000)
    assert (said.code, "10000 characters; the limit is 4000" in said.sentence) == (REFUSED, True)


def test_a_refusal_starts_no_worker(here: Here, shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cli.paint.started", None)  # which starts it
    assert paint(here, shared_house, "--lora", "Wash").code == REFUSED
    database = sqlite3.connect(shared_house.data / "easel.sqlite3")
    assert database.execute("SELECT count(*) FROM job").fetchone() == (0,)
    database.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "/nowhere/o.png"], "The folder /nowhere does not exist"),
        (["--out", "o.jpg"], "PNG"),
        (["--out", "/"], "PNG"),
        (["--config", "/nowhere/config.toml"], "no settings file"),
        (["--config", "/"], "is a folder"),
    ],
)
def test_where_a_picture_cannot_go_is_told_before_it_is_painted(
    here: Here, shared_house: House, arguments: list[str], words: str
) -> None:
    said = paint(here, shared_house, *arguments)
    assert (said.code, words in said.sentence) == (UNUSABLE, True), said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[discrod]\n", "discrod"),
        ("[worker]\ndevcies = ['cpu']", "worker.devcies is not a setting; do you mean worker.devices?"),
        (
            "[[checkpoints]]\nname = 'a'\npth = 'x'\nbase_model = 'sdxl/pony'",
            "checkpoint 'a': pth is not a setting; do you mean path?",
        ),
        (
            "[[checkpoints]]\nname = 'demo/vivid'\nsteps = 900\npath = 'x'\nbase_model = 'sdxl/pony'",
            "config.toml: checkpoint 'demo/vivid': steps: Input should be less than or equal to 150",
        ),
        ("[[checkpoints]]\nname = 'a'\nbase_model = 'sdxl/pony'", "checkpoint 'a': give either a path or a repository"),
        ("[[checkpoints]]\npath = 'x'\nbase_model = 'sdxl/pony'", "checkpoints.0.name: Field required"),
        ("[[checkpoints]]\nname = 7\npath = 'x'\nbase_model = 'sdxl/pony'", "checkpoints.0.name: write a text"),
        ("[[moderation.lists]]\nname = 'b'\nmode = 'x'", "list of words 'b': mode: Input should be"),
        ("[worker]\ndevices = ['toaster']", "worker.devices.0: 'toaster' is no device; auto, cuda, cuda:1"),
        ("[worker]\ndevices = []", "at least one device"),
        ("[worker]\ndevices = 'cpu'", 'worker.devices: write a list, such as ["auto"]'),
        ("worker = 1", "worker: write it as a section, such as [worker]"),
        ("[storage]\nfolder = 1", "storage.folder: write a path in quotes"),
        ("[discord]\ntoken = 1", "discord.token: write a text in quotes"),
        ('[discord]\ntoken_file = "\\u0000"', "discord: token_file has a character that is in no path"),
        ("[[checkpoints]]\nname = 'a'\nrepository = 'x'\nbase_model = 'sdxl/pony'", "write a repository as OWNER/NAME"),
        ("[worker]\nthreads = 'many'", 'worker.threads: must be a whole number, not "many"'),
        ("[worker]\nthreads = 1.5", "worker.threads: must be a whole number, not 1.5"),
        ("[worker]\nthreads = [1]", "worker.threads: must be a whole number, not [1]"),
        ("[sources]\nenabled = 'perhaps'", 'sources.enabled: must be true or false, not "perhaps"'),
        ("[limits]\nstart =\n# end", "config.toml is not valid TOML: Invalid value (at line 2"),
        ("[limits]\nstart =", "config.toml is not valid TOML: Invalid value (at the end, in line 2)"),
        ("[storage]\nnothing = 1", "storage.nothing is not a setting; `easel config explain` lists all"),
        ("[limits]\nmax_loras = 99", "limits.max_loras"),
        ("[limits]\nmax_loras = nan", "limits.max_loras"),
        ("[worker\n", "is not valid TOML"),
        ("a = 1\na = 2\n", "is not valid TOML"),
        ("a = " + "[" * 10_000, "cannot be read"),
        ("[matching]\nallow = [['sd1/base', 'sdxl/pony']]", "never be allowed"),
        ("[[checkpoints]]\nname = 'a'\npath = 'x'\nbase_model = 'sdxl/nobody'", "sdxl/illustrious"),
        ("[[checkpoints]]\nname = 'a'\nbase_model = 'sdxl/pony'", "either a path or a repository"),
        ("[[checkpoints]]\nname = 'a'\npath = 'x'\nbase_model = 'sdxl/pony'\nsizes = ['big']", "WIDTHxHEIGHT"),
        ("[[checkpoints]]\nname = 'a'\npath = '/nowhere'\nbase_model = 'sdxl/pony'", "/nowhere"),
        ("[discord]\napi_url = 'https://example.com/api'", "address of this machine"),
        ("", "No checkpoint is declared"),
    ],
    ids=lambda value: value[:40].replace("\n", " "),
)
def test_a_setting_that_cannot_be_used_is_named(here: Here, house: House, text: str, words: str) -> None:
    config = house.config
    config.write_text(text)
    said = here("paint", "x", "--config", config, "--out", house.folder / "o.png")
    assert (said.code, words in said.sentence) == (UNUSABLE, True), said


def test_settings_that_are_no_text_are_told(here: Here, house: House) -> None:
    config = house.config
    config.write_bytes(b"\xff\xfe\x00")
    for said in (here("doctor", "--config", config).out, here("paint", "x", "--config", config).sentence):
        assert f"{config} is not a text file" in said and "codec" not in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_settings_are_in_a_regular_file(here: Here, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (Path(os.devnull), tmp_path / "pipe"):
        said = here("status", "--config", file)
        assert (said.code, f"{file} is not a regular file" in said.sentence) == (UNUSABLE, True), said


@pytest.mark.parametrize("name", [TOKEN, KEY, "x" * 500], ids=["token", "key", "long"])
@pytest.mark.parametrize("text", ['"{}" = 1', '[discord]\n"{}" = 1', "[{}]", '[["{}"]]'])
def test_a_secret_in_the_place_of_a_name_is_not_repeated(here: Here, house: House, name: str, text: str) -> None:
    config = house.config
    config.write_text(text.format(name), "utf-8")
    said = here("status", "--config", config)
    assert said.code == UNUSABLE and "is not a setting" in said.sentence
    assert name not in said.sentence and name[-20:] * 3 not in said.sentence


@pytest.mark.parametrize("name", [f"EASEL_{KEY}", f"EASEL_DISCORD__{KEY}", f"EASEL_{TOKEN}"])
def test_a_secret_in_the_name_of_a_variable_is_not_repeated(here: Here, house: House, name: str) -> None:
    said = paint(here, house, **{name: "x"})
    assert said.code == UNUSABLE and name[-20:] not in said.sentence and "is not a setting" in said.sentence


def test_an_argument_that_a_command_does_not_have_gets_the_usage_of_this_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in (["status"], ["library", "list"]):
        with pytest.raises(SystemExit):
            main([*command, "--nonsense"])
        said = capsys.readouterr().err
        assert said.startswith(f"usage: {program()} {' '.join(command)} ") and "--nonsense" in said


def test_a_backup_that_is_no_database_is_refused_without_advice_to_restore(here: Here, house: House) -> None:
    assert here("library", "scan", "--config", house.config).code == DONE
    diary = house.folder / "diary.txt"
    diary.write_text("Dear diary, " * 100, "utf-8")
    said = here("restore", diary, "--config", house.config)
    assert (said.code, f"{diary} is not an Easel database" in said.sentence) == (UNUSABLE, True), said
    assert "newest copy" not in said.sentence


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("EASEL_DISCROD__TOKEN", "x", "do you mean EASEL_DISCORD__TOKEN?"),
        ("EASEL_DISCORD_TOKEN", "x", "do you mean EASEL_DISCORD__TOKEN?"),
        ("EASEL_WORKER__DEVCIES", "cpu", "do you mean EASEL_WORKER__DEVICES?"),
        ("easel_worker__threadz", "1", "do you mean EASEL_WORKER__THREADS?"),
        ("EASEL_DISCORD__TOKEN__HERE", "x", "is not a setting"),
        ("EASEL_XYZZY", "x", "config explain KEY"),
        ("EASEL_RUBBISH__X", "x", "config explain KEY"),
        ("EASEL_CLASSIFIER__X", "x", "config explain KEY"),
        ("EASEL_STROAGE__FODLER", "x", "do you mean EASEL_STORAGE__FOLDER?"),
        ("EASEL_WORKER__THREADS", "many", "worker.threads: must be a whole number"),
        ("EASEL_WORKER__DEVICES", "cpu", "has to be JSON"),
        ("EASEL_WORKER", "cpu", "has to be JSON"),
        ("EASEL_WORKER", '{"threads": "many"}', "worker.threads"),
        ("EASEL_CHECKPOINTS", "{", "has to be JSON"),
        ("EASEL_CHECKPOINTS", '[{"name": "x"}]', "checkpoints.0.base_model: Field required"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_not_the_file(
    here: Here, house: House, variable: str, value: str, words: str
) -> None:
    said = paint(here, house, **{variable: value})
    assert (said.code, words in said.sentence) == (UNUSABLE, True), said
    assert f"The environment variable {variable}" in said.sentence
    assert "config.toml" not in said.sentence


def test_a_mistake_in_the_file_is_not_blamed_on_a_variable(here: Here, house: House) -> None:
    config = house.config
    config.write_text("[worker]\nthreads = 'many'")
    said = here("paint", "x", "--config", config, EASEL_WORKER__DEVICES='["cpu"]', EASEL_WORKER='{"state_steps": 5}')
    assert said.sentence.startswith(f"{config}: worker.threads")


def test_a_token_is_never_repeated(here: Here, house: House) -> None:
    for settings in ({"EASEL_DISCORD__TOKEN": "s3cret", "EASEL_DISCORD__TOKN": "s3cret"}, {"EASEL_DISCORD": "s3cret"}):
        said = paint(here, house, **settings)
        assert said.code == UNUSABLE
        assert "s3cret" not in said.err + said.out


def database(house: House) -> Path:
    house.data.mkdir(exist_ok=True)
    return house.data / "easel.sqlite3"


def test_a_newer_database_is_left_as_it_is(here: Here, house: House) -> None:
    assert paint(here, house, "--lora", "Nobody").code == REFUSED
    connection = sqlite3.connect(database(house))
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = database(house).read_bytes()
    said = paint(here, house)
    assert (said.code, "newer Easel" in said.sentence) == (UNUSABLE, True)
    assert database(house).read_bytes() == before


def test_a_file_that_is_no_database_is_left_as_it_is(here: Here, house: House) -> None:
    database(house).write_text("Dear diary, " * 100)
    said = paint(here, house)
    assert (said.code, "not an Easel database" in said.sentence) == (UNUSABLE, True)
    assert database(house).read_text().startswith("Dear diary")


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (["paint", "x"], "/imagine"),
        (["library", "scan"], "/reload"),
        (["calibrate"], "stop it to measure now"),
        (["restore"], "stop it"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_cannot_be_done_beside_a_running_bot_says_how_to_do_it(
    here: Here, house: House, command: list[str], advice: str
) -> None:
    library = ("library", "scan", "--config", house.config)
    assert here(*library).code == DONE
    assert here("backup", "--config", house.config).code == DONE
    with program_lock(database(house)):
        said = here(*command, "--config", house.config)
    assert (said.code, "Another Easel" in said.sentence, advice in said.sentence) == (UNUSABLE, True, True), said


@pytest.mark.skipif(not can_be_powerless, reason="root cannot lay down its powers here")
@pytest.mark.parametrize("command", [["paint", "x"], ["library", "scan"]])
def test_a_folder_that_may_not_be_written_is_told(house: House, command: list[str]) -> None:
    config = house.config
    house.data.mkdir()
    house.data.chmod(0o555)
    said = bot(*command, "--config", config, powerless=True)
    assert (said.code, "cannot be written" in said.sentence) == (UNUSABLE, True), said
    said = bot("init", house.data / "new", powerless=True)
    assert (said.code, "cannot be written" in said.sentence) == (UNUSABLE, True), said
    assert not list(house.data.iterdir())


@pytest.mark.skipif(not can_be_powerless, reason="root cannot lay down its powers here")
@pytest.mark.parametrize("command", [["verify", "x.png"], ["reports"]])
def test_a_database_that_may_not_be_read_is_told_in_one_sentence(here: Here, house: House, command: list[str]) -> None:
    config = house.config
    assert here("library", "scan", "--config", config).code == DONE
    database(house).chmod(0o000)
    said = bot(*command, "--config", config, powerless=True)
    assert (said.code, f"Run `chmod u+rwX {database(house)}`" in said.sentence) == (UNUSABLE, True), said


@pytest.mark.parametrize("damage", ["rubbish", "folder"])
def test_verify_tells_of_an_unusable_database_in_one_sentence(here: Here, house: House, damage: str) -> None:
    house.data.mkdir()
    database(house).mkdir() if damage == "folder" else database(house).write_bytes(b"rubbish" * 1000)
    said = here("verify", "x.png", "--config", house.config)
    assert (said.code, str(database(house)) in said.sentence) == (UNUSABLE, True), said


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null/x"])
def test_storage_where_nothing_can_be_is_told(here: Here, house: House, folder: str) -> None:
    said = paint(here, house, EASEL_STORAGE__FOLDER=folder)
    assert (said.code, "cannot be written" in said.sentence) == (UNUSABLE, True), said


def test_a_library_that_is_not_there_is_told(here: Here, house: House) -> None:
    said = paint(here, house, EASEL_LIBRARY__FOLDER="/nowhere")
    assert (said.code, "/nowhere" in said.sentence) == (UNUSABLE, True)


def test_damaged_declarations_are_named_by_their_line(here: Here, house: House) -> None:
    (house.library / "declarations.jsonl").write_text("rubbish\n")
    said = paint(here, house)
    assert (said.code, "line 1" in said.sentence) == (UNUSABLE, True)


@pytest.mark.skipif(not can_be_powerless, reason="root cannot lay down its powers here")
def test_who_may_not_read_or_write_is_told_who_may_and_the_command(house: House) -> None:
    config, me = house.config, getpass.getuser()
    house.data.mkdir()
    house.data.chmod(0o555)
    said = bot("paint", "x", "--config", config, powerless=True)
    assert (
        f"Easel runs as the user {me} (uid {os.getuid()}), and {house.data} belongs to {me} (mode 555)" in said.sentence
    )
    assert f"Run `chmod u+rwX {house.data}`" in said.sentence
    findings = json.loads(bot("doctor", "--json", "--config", config, powerless=True).out)
    storage = next(finding for finding in findings if finding["what"] == "storage")
    assert f"Run `chmod u+rwX {house.data}`" in storage["says"]

    token = house.folder / "token"
    token.touch(mode=0o000)
    said = bot("run", "--config", config, powerless=True, EASEL_DISCORD__TOKEN_FILE=str(token))
    assert f"{token} cannot be read: Permission denied. Easel runs as" in said.sentence
    assert f"`chmod u+rwX {token}`" in said.sentence

    config.chmod(0o000)
    said = bot("doctor", "--config", config, powerless=True)
    assert (said.code, f"{config} cannot be read: Permission denied. Easel runs as" in said.out) == (UNUSABLE, True), (
        said
    )
    config.chmod(0o600)
    house.folder.chmod(0o600)
    said = bot("paint", "x", "--config", config, powerless=True)
    house.folder.chmod(0o700)
    assert f"Run `chmod u+rwX {house.folder}`" in said.sentence


@pytest.mark.skipif(not can_be_powerless, reason="root cannot lay down its powers here")
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_files_of_another_user_are_to_be_given_to_easel(here: Here, house: House) -> None:
    config, database, me = house.config, house.settings.storage.database, getpass.getuser()
    assert here("library", "scan", "--config", config).code == DONE
    os.chown(database, 65534, 65534)
    said = bot("library", "scan", "--config", config, powerless=True)
    assert f"un `sudo chown {me} {database}`" in said.sentence
    os.chown(database, 0, 0)
    house.data.chmod(0o700)
    os.chown(house.data, 65534, 65534)
    for command in (["paint", "x"], ["status"], ["health"], ["library", "list"], ["backup"], ["privacy", "show", "1"]):
        said = bot(*command, "--config", config, powerless=True)
        assert "Traceback" not in said.err and said.code != DONE, command
        assert f"{house.data} belongs to" in said.err + said.out, (command, said)
    found = bot("doctor", "--json", "--config", config, powerless=True)
    storage = next(finding for finding in json.loads(found.out) if finding["what"] == "storage")
    assert f"{house.data} belongs to" in storage["says"] and "install --directory" in storage["says"]
    os.chown(house.data, 0, 0)
    model = house.folder / "model.safetensors"
    model.touch(mode=0o600)
    os.chown(model, 65534, 65534)
    text = config.read_text().replace(f'path = "{CHECKPOINTS[0].path}"', f'path = "{model}"')
    other = house.folder / "other.toml"
    other.write_text(text)
    findings = json.loads(bot("doctor", "--json", "--config", other, powerless=True).out)
    says = next(finding["says"] for finding in findings if finding["what"] == f"checkpoint {VIVID}")
    assert f"{model} belongs to " in says and f"`sudo chmod o+rX {model}`" in says
