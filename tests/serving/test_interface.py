"""The service keeps what its own description says, whatever is sent to it."""

import datetime
import ipaddress
import ssl
from contextlib import suppress

import httpx
import pytest
import schemathesis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import InvalidArgument, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from foretaste.serving.tokens import Scope
from tests.serving.houses import row, serving

LEFT_OUT = ("ignored_auth", "use_after_free", "ensure_resource_availability")


def described(house, headers):
    """The service's own description, with a gate and a decision that are there."""
    url = f"{house.url}/v1/gates/main/records"
    made = httpx.post(url, json=row(1), headers=headers, timeout=30).json()["decisions"][0]
    said = httpx.get(f"{house.url}/openapi.json").json()
    known = {"gate": ["main"], "id": [made["id"]]}
    for path in said["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in known:
                    parameter["schema"] = {"type": "string", "enum": known[parameter["name"]]}
    schema = schemathesis.openapi.from_dict(said)
    schema.config.base_url = house.url
    return schema


def tried(house, examples):
    """(Operation, status) of so many requests to each, good and bad, checked as described."""
    said = house.tokens.make(f"tester-{examples}", list(Scope), "shop")
    headers = {"Authorization": f"Bearer {said}"}
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    seen = set()
    for result in described(house, headers).get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:

            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=True,
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def once(case):
                answer = case.call_and_validate(headers=headers, checks=checks)
                seen.add((case.operation.label, answer.status_code))

            with suppress(Unsatisfiable, InvalidArgument):  # nothing bad can be sent to some
                once()
    return seen


SEEN = {
    ("GET /healthz", 200),
    ("GET /readyz", 200),
    ("GET /metrics", 403),
    ("POST /v1/gates/{gate}/records", 200),
    ("POST /v1/gates/{gate}/records", 422),
    ("GET /v1/gates/{gate}/held", 200),
    ("GET /v1/gates/{gate}/held", 422),
    ("GET /v1/gates/{gate}/decisions/{id}", 200),
    ("GET /v1/gates/{gate}/windows", 200),
    ("POST /v1/gates/{gate}/reviews", 404),
    ("POST /v1/gates/{gate}/reviews", 422),
    ("POST /v1/gates/{gate}/windows/close", 403),
}


def test_every_operation_answers_as_described(house):
    assert tried(house, 8) >= SEEN


@pytest.mark.slow
def test_every_operation_answers_as_described_for_long(house):
    assert tried(house, 150) >= SEEN


def certificate(folder):
    """A certificate for this machine that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}


def test_with_a_certificate_nothing_goes_in_clear(tmp_path, trusted):
    tls = certificate(tmp_path)
    with serving(tmp_path, trusted, tokens=False, tls=tls) as running:
        assert running.url.startswith("https://")
        context = ssl.create_default_context(cafile=tls["certificate"])
        with running.client(verify=context) as client:
            answer = client.post("/v1/gates/main/records", json=row(1))
            assert answer.status_code == 200
            assert "strict-transport-security" in answer.headers
        clear = running.url.replace("https://", "http://")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{clear}/healthz")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{running.url}/healthz")


def test_where_clients_need_a_certificate_others_do_not_get_in(tmp_path, trusted):
    tls = certificate(tmp_path)
    asked = {**tls, "clients": tls["certificate"]}
    with serving(tmp_path, trusted, tokens=False, tls=asked) as running:
        context = ssl.create_default_context(cafile=tls["certificate"])
        with running.client(verify=context) as nobody, pytest.raises(httpx.TransportError):
            nobody.get("/healthz")
        context.load_cert_chain(tls["certificate"], tls["key"])
        with running.client(verify=context) as known:
            assert known.get("/healthz").status_code == 200
