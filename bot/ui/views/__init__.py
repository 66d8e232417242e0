"""The messages of the bot, built from values, and persistent components, whose custom_ids hold all their state.

persistent_items.py        base classes of buttons, select menus and modals; defining a subclass registers it
permissions.py             the permissions that the bot needs, and who may post
expired_modal.py           the reply to a modal whose state is lost
question.py                questions before something is deleted
browse.py                  lists with pages: which page, turning and searching
browse_menus.py            their menus: sort order, category, base model
compact_lists.py           their entries as lines, with a menu that opens them
go_to_page.py              the form that asks for the number of a page
refusal.py                 the buttons under the refusal of a LoRA; its sentence is in `inference.errors`
status.py                  the status of the program
guide.py                   the pages of the guide
studio/                    the studio panel
server/                    the panel of a server for its staff
additions/  views for adding LoRAs from hubs
loras/      the market, and the page of a LoRA
bookmarks/  bookmarks and stacks of a person
gallery/    publishing pictures, and the gallery of a server
jobs/       jobs: progress, queue, history and requests that wait
results/    pictures of ended jobs, and what people do with them
reports/    reports and appeals
people/     a person's settings, limits and data
"""
