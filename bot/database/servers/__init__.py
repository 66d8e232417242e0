"""What staff of a server have set, and who changed it.

settings.py         what staff have chosen for their server
limits.py           limits of servers, roles and people
word_lists.py       words and patterns that staff do not want in their server
allowed_phrases.py  phrases that staff allow in their server, and members' questions that ask for one
audit.py            who changed what; nobody changes or deletes an entry
left_servers.py     servers that removed the bot, and forgetting them
"""
