"""The section about workers on other machines, and what the bot makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.app.from_settings import driver_options, make_pool
from bot.config import ConfigError, load_settings
from bot.config.sections.cluster import ClusterSettings
from inference.cluster.wire import SECRET_VARIABLE
from inference.workers.ray import RayPool
from tests.house import House


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_cluster_has_its_paths_and_its_secret_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    found = load_settings(
        written(
            tmp_path,
            '[worker]\nbackend = "ray"\n[cluster]\nsocket = "tcp:10.0.0.1:7000"\nsecret_file = "secret"\n'
            'token_file = "token"\n',
        )
    )
    assert found.cluster.secret.get_secret_value() == "s3cret" and "s3cret" not in repr(found)
    assert found.cluster.token_file == tmp_path.resolve() / "token"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[cluster]\nsocket = "tcp:10.0.0.1:7000"', "needs a secret"),
        ('[cluster]\nsocket = "10.0.0.1:7000"', "an address is"),
        ('[cluster]\naddress = "head"', "an address is"),
        ('[worker]\nbackend = "ray"\ndevices = ["cuda:0", "cuda:1"]', "set one device in worker.devices"),
        ('[worker]\nbackend = "kubernetes"', "'local' or 'ray'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(written(tmp_path, text))


def test_the_driver_process_knows_the_token_and_nothing_of_the_bots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_DISCORD__TOKEN", "discords")
    monkeypatch.setenv("easel_sources__civitai_key", "civitais")
    monkeypatch.setenv("OTHER", "stays")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    found = driver_options(ClusterSettings(token_file=Path("/t"), secret=SecretStr("mine")))
    assert found.command is not None and found.command[-1] == "inference.cluster.driver" and found.listen is None
    assert not {name for name in found.environment if name.upper().startswith("EASEL_")}
    assert (found.environment["OTHER"], found.environment[SECRET_VARIABLE]) == ("stays", "mine")
    assert (found.environment["RAY_AUTH_MODE"], found.environment["RAY_AUTH_TOKEN_PATH"]) == ("token", "/t")
    assert "mine" not in " ".join(found.command)


@pytest.mark.parametrize(
    ("given", "started"),
    [({"socket": "unix:/s"}, None), ({"socket": "unix:/s", "driver": ("su", "ray")}, ("su", "ray"))],
)
def test_a_driver_process_with_an_address_is_a_service_unless_there_is_a_command(
    given: dict[str, object], started: tuple[str, ...] | None
) -> None:
    found = driver_options(ClusterSettings.model_validate(given))
    assert found.listen and found.listen.text == "unix:/s" and found.command == started


def test_the_settings_choose_the_pool(house: House) -> None:
    settings = house.settings
    worker = settings.worker.model_copy(update={"backend": "ray"})
    specs = house.options.checkpoints
    pool = make_pool(settings.model_copy(update={"worker": worker}), specs)
    assert isinstance(pool, RayPool) and pool.serves == {spec.name for spec in specs}
