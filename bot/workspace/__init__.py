"""What people arrange between two requests. Nothing here knows of Discord.

studio_draft.py    what lies in a person's studio, and how its LoRAs fit the chosen checkpoint
stacks.py          named sets of LoRA uses, shared by a code
remix.py           a picture's recipe becomes a draft
repaint.py         requests of *Vary* and *Upscale*
browsing.py        what somebody looks for in a list of LoRAs
bookmark_file.py   bookmarks as a JSON file, out and in
services.py        the services that these ask for
"""
