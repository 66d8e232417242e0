"""Everything that speaks to Discord.

acknowledge.py   the first answer to an interaction, within three seconds
replies.py       one table: exception -> the sentence that the person reads
page.py          a message ready to be sent: components and the pictures they show
studio_session.py   opens, changes and redraws a person's studio
page_kind.py     lists that people page through, registered by kind
client.py        the client as commands and views see it: one type, one `Interaction`
shown.py         what a message shows: a job of ours, or a picture with parameters inside
api_url.py       points discord.py at another server on this machine
guide/           the texts and pictures of `/guide`
views/           messages built from values, and buttons that carry their state in `custom_id`
delivery/        where a result goes, and that it goes there once
cogs/            slash commands, one file per noun
bot.py           the client that runs: wires commands, buttons and deliveries together
"""
