"""Screenshots of every screen, and a moving picture: `python -m tools.screenshots` walks through the local channel.

__main__.py         takes the named screenshots, or all
demo_page.py        a running demo and a page that shows it
screens.py          the screens, each with the actions that lead to it
staged_demo.py      the demo with what its shipped library lacks
staged_screens.py   the screens that are taken in it
adding_demo.py      the demo with a library to which LoRAs are added
adding_screens.py   the screens of that
local_hub.py        the hub from which they come
gallery_screens.py  those of publishing and the gallery
newcomer.py         the first minute of a new user
film.py             the moving picture of README.md
"""
