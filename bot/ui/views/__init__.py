"""The messages of the bot, built from values, and persistent components, whose custom_ids hold all their state.

persistent_items.py  base classes of buttons and select menus; defining a subclass registers it
custom_ids.py        the values in custom_ids, declared as fields of a component
forms.py             base class of forms, and the fields that they declare
permissions.py       the permissions that the bot needs, and who may post
expired_modal.py     the reply to a modal whose state is lost
question.py          questions before something is deleted
list_page.py         base class of lists with pages, and the buttons that turn them
browse.py            lists that one browses: search, order, filters, cards or lines
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
