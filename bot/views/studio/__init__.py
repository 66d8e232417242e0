"""The studio panel. Its state is a row per person, so every panel of a person shows the same, also after a restart.

desk.py       opens, changes and redraws a person's studio; `open_with` fills it from a wish
panel.py      what the panel shows, within Discord's 40 components
shelf.py      the menu from which LoRAs are added
generate.py   painting what the panel shows; trials.py tries out weights
buttons.py    the panel's buttons; menus.py its menus; forms.py what opens when one needs words or numbers
"""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.views.studio.buttons import (
    AdjustButton,
    AdvancedButton,
    NudgeButton,
    OptionsButton,
    PromptButton,
    TakeOutButton,
    UndoButton,
)
from bot.views.studio.generate import GenerateButton, WithoutButton
from bot.views.studio.menus import CheckpointMenu, OthersMenu, WordsMenu
from bot.views.studio.shelf import AddMenu
from bot.views.studio.trials import CompareButton, SweepButton, SweepJobButton

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
