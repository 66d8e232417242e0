"""The messages of the bot, built from values, and persistent components, whose custom_ids hold all their state.

persistent_items.py        base classes of buttons, select menus and modals; defining a subclass registers it
permissions.py             the permissions that the bot needs, and who may post
expired_modal.py           the reply to a modal whose state is lost
question.py                questions before something is deleted
browse.py                  lists with pages: which page, turning and searching
browse_menus.py            their menus: sort order, category, base model
compact_lists.py           their entries as lines, with a menu that opens them
go_to_page.py              the form that asks for the number of a page
market.py                  the list of all LoRAs
bookmarks.py               the list of a person's bookmarks, and one bookmark
bookmark_file.py           export and import of bookmarks
lora.py                    the page of a LoRA
lora_buttons.py            the base class of buttons about a LoRA, and the entry that a custom_id means
lora_text.py               texts about a LoRA
adding.py                  adding a LoRA from outside: progress, cancelling, its page
adding_links.py            adding by a link, and the choice where its page has several LoRAs
addition_text.py           texts about what is added
kept_drafts.py             drafts that buttons go on with, each for its person alone
linked_request.py          requests that name LoRAs by link: what is not here is offered, and then they go on
add_offer.py               offers to add a LoRA that a link or a picture names
lora_origin.py             where a LoRA comes from, on its page, with buttons for newer versions
origin_text.py             texts about that
newer_versions.py          the notice of newer versions of bookmarks, and adding one
lora_pictures.py           previews and samples of a LoRA
community_pictures.py      pictures of the server that were made with a LoRA
base_model_declaration.py  an operator declares a base model
content_rating.py          an operator says for whom a LoRA is
add_to_studio.py           the button that adds a LoRA to the studio
stacks.py                  the list of a person's stacks
stack_draft.py             requests with a stack by name
refusal.py                 the buttons under the refusal of a LoRA; its sentence is in `inference.errors`
phrase_question.py         a refused prompt whose words staff can allow, and the message that asks them
job_progress.py            the message of an unfinished job
result.py                  the message of an ended job
removal_form.py            the form in which staff give the reason for a removal
deleted.py                 what stands in place of a deleted picture, and *Undo*
sheet.py                   the message of a sweep or comparison
picture_details.py         the parameters of a picture
picture_origin.py          the same of a picture that somebody posted, and whether it was generated here
publish.py                 *Publish*: what will be shown and where, and the post
published_post.py          the message of a published picture, with the buttons for everybody
gallery.py                 the published pictures of a server
gallery_cards.py           several published pictures on a page
gallery_links.py           the button that opens it
gallery_picture.py         a published picture with what everybody may do with it
feature_buttons.py         staff feature a LoRA or a published picture
published.py               what people do with a published picture
history.py                 the list of a person's own pictures
queue.py                   the jobs of a person, and of everybody
settings.py                the panel of a person's own defaults
limits_text.py             the limits that hold for a person, in words
privacy.py                 what is kept of a person, their copy of it, its deletion
report_forms.py            people report pictures and LoRAs
report_case.py             a report as staff see it, with the buttons that decide
report_text.py             texts about that
report_notice.py           what the owner of a reported picture is told, and the appeal
status.py                  the status of the program
guide.py                   the pages of the guide
studio/                    the studio panel
server/                    the panel of a server for its staff
"""
