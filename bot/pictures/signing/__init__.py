"""Signatures in pictures, by C2PA.

attachments.py       signed attachments, if a certificate is configured
signature_bytes.py   the bytes that a signature adds to a file
credentials.py       certificate and key: read, checked, tried
signature_reader.py  reads the signature of any picture
certificates.py      makes a certificate and key for this installation
"""
