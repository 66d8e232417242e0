"""Publishing pictures, and the gallery of a server.

pages.py            the published pictures of a server
cards.py            several published pictures on a page
links.py            the button that opens it
picture.py          a published picture with what everybody may do with it
publish.py          *Publish*: what will be shown and where, and the post
post.py             the message of a published picture, with the buttons for everybody
feature_buttons.py  staff feature a LoRA or a published picture
"""
