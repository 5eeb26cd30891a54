"""The checksums of Grote Berichten (MD006)."""

from typing import Literal

Kind = Literal["MD5", "SHA1", "SHA256", "SHA384", "SHA512"]
"""What an attribute ``type`` of a checksum may say."""

ALGORITHMS = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
"""What they are called elsewhere."""

HEX_LENGTHS = {"MD5": 32, "SHA1": 40, "SHA256": 64, "SHA384": 96, "SHA512": 128}
"""Digits of each in hex."""
