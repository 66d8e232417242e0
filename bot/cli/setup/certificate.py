"""`config certificate`: makes a certificate with which Easel signs pictures. `init` and `demo` make one too."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import DONE
from bot.cli.terminal.settings import DEFAULT_CONFIG, add_config, config_file
from bot.config import ConfigError, load_settings
from bot.config.example import toml_value
from bot.config.sections.c2pa import C2paSettings
from bot.file_access import Need, why

if TYPE_CHECKING:
    from datetime import datetime

    from bot.cli import Commands

CERTIFICATE, KEY = Path("c2pa/chain.pem"), Path("c2pa/key.pem")  # beside config.toml


def add(actions: Commands) -> None:
    """Declare the command."""
    parser = actions.add_parser(
        "certificate",
        help="make a certificate for signatures in pictures (C2PA)",
        description="Make a certificate and a key, with which this installation signs its pictures (C2PA), and print "
        "the lines for config.toml. Existing files are reused and never changed. Works while the bot runs.",
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the files that are missing, and print the lines for config.toml."""
    file = config_file(options)
    if file is None:
        raise ConfigError(f"There is no {DEFAULT_CONFIG} in this folder. Name your file with --config FILE.")
    settings = load_settings(file).c2pa
    names_files = settings.enabled
    if not names_files:
        settings = settings.model_copy(update=certificate_in(file.parent).model_dump(include={"certificate", "key"}))
    expires = ensure_certificate(settings)
    print(f"The certificate {settings.certificate} is usable until {expires:%Y-%m-%d}.")
    if not names_files:
        print(f"To sign pictures, put these lines into {file}, then reload the settings. If there is a section [c2pa],")
        print("put the two lines below [c2pa] there.\n")
        print(f"[c2pa]\ncertificate = {toml_value(CERTIFICATE.as_posix())}\nkey = {toml_value(KEY.as_posix())}")
    return DONE


def certificate_in(folder: Path) -> C2paSettings:
    """Return settings that name a certificate and its key in `folder`."""
    return C2paSettings(certificate=folder / CERTIFICATE, key=folder / KEY)


def ensure_certificate(settings: C2paSettings) -> datetime:
    """Make the certificate and key that the settings name, unless they exist. Return when the certificate expires.

    Raises ConfigError.
    """
    from bot.pictures.signing.certificates import make_certificate  # noqa: PLC0415 (imports cryptography and Pillow)
    from bot.pictures.signing.credentials import SigningUnusable  # noqa: PLC0415 (see above)

    assert settings.certificate is not None
    try:
        return make_certificate(settings).expires
    except SigningUnusable as problem:
        raise ConfigError(
            f"{problem}. If you rename {settings.certificate} and {settings.key}, Easel makes new ones."
        ) from None
    except OSError as problem:
        folder = settings.certificate.parent
        raise ConfigError(
            f"The certificate {settings.certificate} cannot be written: {why(problem, folder, Need.FOLDER)}."
        ) from None
