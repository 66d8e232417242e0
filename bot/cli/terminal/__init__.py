"""Questions, output and signals of commands.

settings.py   the option `--config`, and loading the settings that it names
questions.py  questions to a person at a terminal
output.py     tables and colours on stdout
progress.py   progress bars on stderr
ending.py     ends a command in order when a signal asks for it
"""
