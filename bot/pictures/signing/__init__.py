"""Signatures by C2PA.

attachments.py       attachments signed by C2PA, where the settings have a certificate
signature_bytes.py   what a signature adds to a file
credentials.py       its certificate and key: read, checked, tried
signature_reader.py  reads the signature of any picture
certificates.py      makes a certificate and key for this installation
"""
