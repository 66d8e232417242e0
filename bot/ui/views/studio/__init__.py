"""The studio panel. Its state is a row per person, so every panel of a person shows the same, also after a restart.

panel.py      what the panel shows, within Discord's 40 components
lora_menu.py  the menu from which LoRAs are added
generate.py   painting what the panel shows; trials.py tries out weights
buttons.py    the panel's buttons; menus.py its menus; forms.py what opens when one needs words or numbers
"""
