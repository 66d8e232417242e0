"""The user interface in Discord.

acknowledge.py       acknowledges interactions within three seconds
replies.py           error replies: the sentence that an error class carries (`inference.errors`, `bot.errors`)
rendered_message.py  a message ready to be sent: a view and its files
studio_session.py    loads, changes, saves and redraws a person's studio
discord_refusals.py  tells what Discord refuses for good from what may pass
lost_interactions.py which interactions wait for an answer of this program no longer
heartbeats.py        measures the heartbeats of the gateway
archived_threads.py  opens an archived thread for a request about a message in it
erased_messages.py   deletes the messages of a person who has all deleted
phrase_notices.py    notifies members of decisions about phrases
removals.py          deletes pictures for their owner, and takes them down for staff
takedown_cases.py    removes the pictures of a takedown that an operator has confirmed
page_kind.py         kinds of lists with pages, registered by key
access.py            checks rights before a handler runs, and tells handlers who acts where
server_lookups.py    asks Discord about members and command permissions
visible_channels.py  which art channels a person may view
client.py            the client type that commands and views use: `Client`, `Interaction`, `Cog`
command_tree.py      what happens before each command, and registering them at Discord
message_lookup.py    finds the job that a message shows, or the recipe inside a picture
uploads.py           keeps pictures to start from, and notes who gave them
open_questions.py    the presses that opened questions, while their tokens are valid
answers.py           which interactions are being answered, and by whom they were begun
api_url.py           connects discord.py to another server on this machine
guide/               the texts and pictures of `/guide`
views/               messages, and persistent components whose state is in the custom_id
delivery/            delivers each result exactly once
art_channels/        writes in the art channels of servers
cogs/                slash commands, one file per noun
bot.py               the client that runs: wires the services, and hears what happens in servers
"""
