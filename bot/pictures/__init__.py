"""Picture files: what people upload, and what they are shown.

inputs.py            pictures to start from: at most 20 MB each; `inference.files.image_files` bounds what decoding takes
input_gate.py        judges every picture from outside before it is kept
faces.py             finds photographed faces
attachments.py       pictures as Discord attachments, in a form that fits the size limit
watermarks.py        the watermark in a picture: which Easel made it, and for which job
thumbnails.py        small WebP copies for messages
lora_pictures.py     small pictures of a LoRA: the author's preview, and samples
layouts.py           how a picture is divided into regions, drawn small
sheets.py            contact sheets of a job's variants
looks.py             what a LoRA's weight does to pictures, measured
picture_backup.py    copies picture files beside a copy of the database
similarity/  whether pictures look alike
signing/     signatures by C2PA
"""
