"""What people prepare between two requests. Nothing here imports `bot.ui`.

studio_draft.py    the draft in a person's studio, and how its LoRAs fit the chosen checkpoint
weight_advice.py   warnings of weights that break pictures, and of LoRAs without their trigger words
stacks.py          named sets of LoRA uses, shared by a code
lora_names.py      names of LoRAs where not every content rating is shown
remix.py           turns a picture's recipe into a draft
repaint.py         requests of *Vary* and *Upscale*
browsing.py        queries of LoRA lists, and their short form on buttons
bookmark_file.py   exports and imports bookmarks as a JSON file
"""
