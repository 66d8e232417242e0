"""`python -m tools.demo all --out DIR`: build the demo checkpoints and LoRAs, whole or leg by leg."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tools.demo import report, sheets
from tools.demo.legs import Build, Steps
from tools.demo.lessons import LESSONS
from tools.demo.world import LOOKS


def main() -> None:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    # With two threads the small layers here spend more time waiting for each other than computing.
    torch.set_num_threads(1)
    build = Build(options.out, options.seed, Steps(options.vae_steps, options.decoder_steps, options.base_steps))
    match options.leg:
        case "base":
            build.base(options.look)
        case "lora":
            build.lora(next(lesson for lesson in LESSONS if lesson.stem == options.stem))
        case "evaluate":
            report.show(build.checkpoints, build.out / "loras")
        case "sheets":
            sheets.prompts_sheet(build.checkpoints, options.pictures / "prompts.png")
            sheets.match_sheet(
                build.checkpoints, build.out / "loras", options.pictures / "why-base-models-must-match.png"
            )
        case leg:
            getattr(build, leg)()


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything is built")
    common.add_argument("--seed", type=int, default=7)
    defaults = Steps()
    common.add_argument("--vae-steps", type=int, default=defaults.vae)
    common.add_argument("--decoder-steps", type=int, default=defaults.decoder)
    common.add_argument("--base-steps", type=int, default=defaults.base)
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    legs = parser.add_subparsers(dest="leg", required=True)
    helps = {
        "all": "everything, in order",
        "data": "paint the pictures, learn the tokenizers",
        "vae": "train the picture codec",
        "decoder": "sharpen its decoder",
        "ship": "put the checkpoint folders together",
        "pack": "stamp the LoRAs with their checkpoint's identity",
        "evaluate": "print the figures",
    }
    for name, text in helps.items():
        legs.add_parser(name, parents=[common], help=text)
    legs.add_parser("base", parents=[common], help="train one base").add_argument("look", choices=LOOKS)
    stems = [lesson.stem for lesson in LESSONS]
    legs.add_parser("lora", parents=[common], help="train one LoRA").add_argument("stem", choices=stems)
    sheet = legs.add_parser("sheets", parents=[common], help="paint the contact sheets")
    sheet.add_argument("--pictures", type=Path, default=Path("docs/pictures"), metavar="DIR")
    return parser


if __name__ == "__main__":
    main()
