"""Slash commands, one file per noun: defining a `Cog` in a new file registers it.

They raise errors; `bot.ui.interactions.replies` turns them into replies.

imagine.py        /imagine
sweep.py          /sweep
studio.py         /studio
lora.py           /lora browse, /lora info
gallery.py        /gallery
bookmarks.py      /bookmarks
stack.py          /stack
history.py        /history
queue.py          /queue, /cancel
settings.py       /settings
privacy.py        /privacy
guide.py          /guide
server.py         /server
status.py         /status, /reload
context_menus.py  the commands of a message's menu
autocomplete.py   suggestions for options: LoRAs, checkpoints, base models, tags, stacks
options.py        options that several commands share: members of an enumeration, what narrows a list
"""
