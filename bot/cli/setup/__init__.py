"""Commands that set Easel up and check it.

init.py         `init`: asks, and writes a folder to start from
config.py       `config explain`: what each setting is for, its values and its current value
certificate.py  `config certificate`: makes the certificate that signs this installation's pictures
doctor.py       `doctor`: checks settings, folders, database, hardware and checkpoints
invite.py       `invite`: the link by which a server invites the bot, and what each permission is for
completion.py   `completion`: prints a shell completion script
"""
