"""What the people of a server share: published pictures, likes, what staff feature. Nothing of it speaks to Discord.

discord_side.py  the Protocols of what does, and their errors
publishing.py    posts pictures in art channels and takes them back, once each, also across a crash
deleted_posts.py takes out of the gallery what somebody deleted in Discord while the bot was offline
like_counts.py   likes, and which messages are brought up to date when
pacing.py        how far apart edits of messages are
boards.py        the one message of an art channel that shows what is newest and featured
featuring.py     features LoRAs and pictures, for staff

A row says what is to be done before Discord hears of it, and what is done after it has answered. So whatever a crash
interrupts is found by its row, and looked for at Discord before it is done again.
"""
