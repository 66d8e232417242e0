"""Pictures of ended jobs, and what people do with them.

result.py        the message of an ended job
sheet.py         the message of a sweep or comparison
details.py       the parameters of a picture
origin.py        the same of a picture that somebody posted, and whether it was generated here
use_picture.py   the panel of *Use this picture…* in the menu of a message
deleted.py       what stands in place of a deleted picture, and *Undo*
removal_form.py  the form in which staff give the reason for a removal
"""
