"""Every id of a simulated world, derived from its seed: the same scenario has the same ids, whoever asks first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0e3a34-6b0c-5d7e-9a34-8f4f0b8f2c11")
_TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Identity:
    """Names things by what they are: `uuid("machine", "Demo", "db01")`."""

    seed: str

    def uuid(self, *parts: object) -> str:
        """A CloudEndure id."""
        return str(uuid5(_NAMESPACE, self._path(parts)))

    def aws(self, prefix: str, *parts: object) -> str:
        """An AWS id in the long form, e.g. `i-0a1b…` with 17 hexadecimal digits."""
        return f"{prefix}-{self._digest(parts).hex()[:17]}"

    def token(self, *parts: object, groups: int = 16) -> str:
        """Groups of four upper-case letters and digits, as API tokens are written."""
        letters = [_TOKEN_ALPHABET[byte % 36] for n in range(groups) for byte in self._digest((*parts, n))[:4]]
        return "-".join("".join(letters[start : start + 4]) for start in range(0, len(letters), 4))

    def fraction(self, *parts: object) -> float:
        """A number in [0, 1) that looks random and is always the same."""
        return int.from_bytes(self._digest(parts)[:6]) / 2**48

    def _path(self, parts: tuple[object, ...]) -> str:
        return "/".join([self.seed, *map(str, parts)])

    def _digest(self, parts: tuple[object, ...]) -> bytes:
        return hashlib.sha256(self._path(parts).encode()).digest()
