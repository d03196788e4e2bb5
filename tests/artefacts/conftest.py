import pytest

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: E402
from cryptography.hazmat.primitives.serialization import (  # noqa: E402
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

KINDS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.fixture
def keys(tmp_path):
    """Makes keys: (private, public) files of a kind."""

    def made(kind="p256", name="key", password=None):
        key = KINDS[kind]()
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub"
        locked = BestAvailableEncryption(password) if password else NoEncryption()
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
        public.write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        return private, public

    return made


@pytest.fixture
def model(tmp_path):
    """A folder with files of all sorts, hidden ones too."""
    folder = tmp_path / "model"
    for name, content in {
        "config.json": b"{}",
        "model.safetensors": bytes(range(256)) * 9_000,
        "a.txt": b"after a/",
        "a/b": b"in a folder",
        ".hidden": b"code",
        ".git/hooks/run": b"more code",
        ".gitattributes": b"*.bin lfs",
        "empty": b"",
        "näh/☃": b"snow",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
