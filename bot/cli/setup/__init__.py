"""Commands that set Easel up and check it.

init.py         `init`: asks, and writes a folder to start from
config.py       `config explain`: purpose, values and current value of each setting
certificate.py  `config certificate`: makes the certificate that signs this installation's pictures
doctor.py       `doctor`: checks settings, folders, database, hardware and checkpoints
invite.py       `invite`: the invite link, with the purpose of each permission
completion.py   `completion`: prints a shell completion script
"""
