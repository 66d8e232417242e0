"""Pictures: files, hashes and decisions about them.

pictures.py  finished pictures and the LoRAs they were painted with
hashes.py    perceptual hashes of pictures
verdicts.py  what was decided about pictures, by their hashes alone
inputs.py    which pictures to start from are still needed
"""
