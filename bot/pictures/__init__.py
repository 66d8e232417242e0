"""Picture files: uploads, attachments and thumbnails.

inputs.py          pictures to start from, at most 20 MB each
input_gate.py      judges every picture from outside before Easel stores it
faces.py           finds photographed faces
attachments.py     pictures as Discord attachments, in a form that fits the size limit
signing/           signatures by C2PA
watermarks.py      the watermark in a picture: its Easel and its job
similarity/        whether two pictures look alike, and what follows from it
thumbnails.py      small WebP copies for messages
lora_pictures.py   small pictures of a LoRA: the author's preview, and samples
layouts.py         small drawings of a picture's regions
sheets.py          contact sheets of a job's variants
looks.py           measures what a LoRA's weight does to pictures
picture_backup.py  copies picture files beside a copy of the database
"""
