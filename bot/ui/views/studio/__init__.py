"""The studio panel. Its state is one database row per person, so all panels of a person agree, also after a restart.

panel.py      renders the panel within Discord's 40 components
buttons.py    the buttons of the panel
menus.py      its select menus
forms.py      its modals
word_options.py  trigger words and groups of them as options of a menu
lora_menu.py  the select menu that adds LoRAs
generate.py   orders the picture that the panel describes
sweeps.py     orders sweeps of a weight, and comparisons with and without each LoRA
"""
