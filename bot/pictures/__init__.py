"""Picture files: what people upload, and what they are shown.

inputs.py            pictures to start from: at most 20 MB each; `inference.image_files` bounds what decoding takes
input_gate.py        judges every picture from outside before it is kept
faces.py             finds photographed faces
attachments.py       pictures as Discord attachments, in a form that fits the size limit
signing.py           attachments signed by C2PA, where the settings have a certificate
signature_bytes.py   what a signature adds to a file
credentials.py       its certificate and key: read, checked, tried
signature_reader.py  reads the signature of any picture
certificates.py      makes a certificate and key for this installation
watermarks.py        the watermark in a picture: which Easel made it, and for which job
thumbnails.py        small WebP copies for messages
lora_pictures.py     small pictures of a LoRA: the author's preview, and samples
layouts.py           how a picture is divided into regions, drawn small
sheets.py            contact sheets of a job's variants
looks.py             what a LoRA's weight does to pictures, measured
perceptual_hash.py   how like each other two pictures look
pixel_comparison.py  whether two pictures with similar hashes are the same
picture_backup.py    copies picture files beside a copy of the database
picture_parts.py     the parts of a picture that may be pictures by themselves
copies.py            finds the copies of a picture everywhere, for a takedown
made_here.py         whether a picture was generated here
removed_pictures.py  refuses copies of what was removed by a takedown
picture_verdicts.py  what staff decided about a picture that looks like this one
"""
