"""The messages of the bot, built from values, and persistent components, whose custom_ids hold all their state.

persistent_items.py  base classes of buttons, select menus and modals; defining a subclass registers it
permissions.py       the permissions that the bot needs, and who may post
expired_modal.py     the reply to a modal whose state is lost
question.py          questions before something is deleted
browse.py            lists with pages: the page, turning pages, searching
browse_menus.py      menus of lists: sort order, category, base model
compact_lists.py     entries of lists as lines, with a menu that opens them
go_to_page.py        the form that asks for the number of a page
refusal.py           the buttons under the refusal of a LoRA; its sentence is in `inference.errors`
status.py            the status of the program
guide.py             the pages of the guide

studio/              the studio panel
jobs/                progress, queue, history, and requests that wait for a LoRA
results/             finished pictures, their parameters, and removing them
loras/               the market, and the page of a LoRA
bookmarks/           bookmarks and stacks of a user
additions/           adding LoRAs from hubs
gallery/             publishing pictures, and the gallery of a server
reports/             reports and appeals
people/              settings, limits and data of a user
servers/             the panel of a server for its staff
"""
