"""The studio panel. Its state is a row per person, so every panel of a person shows the same, also after a restart.

session.py    opens, changes and redraws a person's studio; `open_with` fills it from a draft
panel.py      what the panel shows, within Discord's 40 components
lora_menu.py  the menu from which LoRAs are added
generate.py   painting what the panel shows; trials.py tries out weights
buttons.py    the panel's buttons; menus.py its menus; forms.py what opens when one needs words or numbers
"""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.ui.views.studio.buttons import (
    AdjustButton,
    AdvancedButton,
    NudgeButton,
    OptionsButton,
    PromptButton,
    TakeOutButton,
    UndoButton,
)
from bot.ui.views.studio.generate import GenerateButton, WithoutButton
from bot.ui.views.studio.lora_menu import AddMenu
from bot.ui.views.studio.menus import CheckpointMenu, OthersMenu, WordsMenu
from bot.ui.views.studio.trials import CompareButton, SweepButton, SweepJobButton

# To be registered, so that panels from before a restart are alive.
CONTROLS: tuple[type[ui.DynamicItem[Any]], ...] = (
    AddMenu,
    AdjustButton,
    AdvancedButton,
    CheckpointMenu,
    CompareButton,
    GenerateButton,
    NudgeButton,
    OptionsButton,
    OthersMenu,
    PromptButton,
    SweepButton,
    SweepJobButton,
    TakeOutButton,
    UndoButton,
    WithoutButton,
    WordsMenu,
)
