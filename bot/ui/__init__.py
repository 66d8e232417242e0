"""The user interface in Discord.

rendered_message.py  a message ready to be sent: a view and its files
studio_session.py    loads, changes, saves and redraws a person's studio
page_kind.py         kinds of lists with pages, registered by key
access.py            checks rights before a handler runs, and tells handlers who acts where
server_lookups.py    asks Discord about members and command permissions
visible_channels.py  which art channels a person may view
client.py            the client type that commands and views use: `Client`, `Interaction`, `Cog`
command_tree.py      what happens before each command, and registering them at Discord
message_lookup.py    finds the job that a message shows, or the recipe inside a picture
uploads.py           keeps pictures to start from, and notes who gave them
api_url.py           connects discord.py to another server on this machine
guide/               the texts and pictures of `/guide`
views/               messages, and persistent components whose state is in the custom_id
delivery/            delivers each result exactly once
art_channels/        writes in the art channels of servers
cogs/                slash commands, one file per noun
bot.py               the client that runs: wires the services, and hears what happens in servers
interactions/  interactions and replies to them
removals/      removes messages and pictures in Discord, and tells people about it
"""
