"""Looking at a machine: with the programs that are on its path, and without any."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bot.diagnostics.facts import MachineFacts, _own_memory, free_on_disk, look
from bot.diagnostics.nvidia_smi import Card
from tests.bot.diagnostics import recorded
from tests.bot.diagnostics.recorded import CARD_3060, torch_for_cuda

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the pretended nvidia-smi is a shell script")


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> MachineFacts:
    """This machine, with a program on its path that says of itself to be nvidia-smi of an old driver."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        '*compute_cap*) echo "Field \\"compute_cap\\" is not a valid field to query."; exit 2;;\n'
        f"--query*) echo '{recorded.GTX_1080_OF_AN_OLD_DRIVER.strip()}';;\n"
        f"*) cat <<'END'\n{recorded.table('470.182.03', '11.4')}END\n"
        "esac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return look((folder, folder / "not" / "there"), threads=1)


def test_an_old_drivers_answer_is_read_without_the_field_that_it_does_not_know(looked: MachineFacts) -> None:
    assert looked.driver.driver == "470.182.03"
    assert looked.found_cards == (Card("NVIDIA GeForce GTX 1080", 8119 * 2**20, 7600 * 2**20),)


def test_torch_is_asked_in_a_process_of_its_own(looked: MachineFacts) -> None:
    assert looked.torch is not None, looked.torch_problem
    assert looked.torch.version
    assert looked.torch.product_flops is not None and looked.torch.product_flops > 1e8


def test_memory_and_disks_are_told_also_of_folders_to_come(looked: MachineFacts) -> None:
    here, coming = looked.disks.values()
    assert here > 0 and coming > 0
    assert looked.memory is None or looked.memory > 0


def test_without_nvidia_smi_the_cards_are_those_that_torch_sees() -> None:
    facts = MachineFacts(torch=torch_for_cuda(CARD_3060))
    assert facts.found_cards == (Card(CARD_3060.name, CARD_3060.total, CARD_3060.free, (8, 6)),)
    assert MachineFacts().found_cards == ()


def test_a_card_of_amd_tells_its_own_memory_by_its_driver(tmp_path: Path) -> None:
    assert _own_memory(tmp_path) == 0
    (tmp_path / "mem_info_vram_total").write_text("12868124672\n")
    assert _own_memory(tmp_path) == 12868124672


def test_free_room_is_that_of_the_folder_that_is_there() -> None:
    assert free_on_disk(Path("/nowhere/at/all")) == free_on_disk(Path("/"))
