"""Sealing tokens: who holds one can write as the customer, so they are stored encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient


_MOST_OPENED = 10_000


class TokenCipher:
    """Seals secrets of chats under a KMS key."""

    def __init__(self, kms: KMSClient, key_arn: str) -> None:
        self._kms = kms
        self._key_arn = key_arn
        self._opened: dict[tuple[bytes, str], str] = {}

    def seal(self, secret: str, initial_contact_id: str) -> bytes:
        """Encrypt a secret of at most 4,096 bytes; it opens for this chat only."""
        return self._kms.encrypt(
            KeyId=self._key_arn,
            Plaintext=secret.encode(),
            EncryptionContext=_context(initial_contact_id),
        )["CiphertextBlob"]

    def open(self, sealed: bytes, initial_contact_id: str) -> str:
        """Decrypt what `seal` gave for the same chat; once, for as long as the process lives."""
        # Each chat is read many times, and every decryption is billed.
        secret = self._opened.get((sealed, initial_contact_id))
        if secret is None:
            secret = self._kms.decrypt(
                KeyId=self._key_arn,
                CiphertextBlob=sealed,
                EncryptionContext=_context(initial_contact_id),
            )["Plaintext"].decode()
            if len(self._opened) >= _MOST_OPENED:
                self._opened.clear()
            self._opened[sealed, initial_contact_id] = secret
        return secret


def _context(initial_contact_id: str) -> dict[str, str]:
    return {"initial_contact_id": initial_contact_id}
