"""Reports and appeals.

case.py    a report as staff see it, with the buttons that decide
forms.py   people report pictures and LoRAs
notice.py  what the owner of a reported picture is told, and the appeal
text.py    texts about that
"""
