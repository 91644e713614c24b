import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from sfu.participant import Role
from sfu.signaling.tokens import LEEWAY, MAX_TOKEN, JoinClaims, TokenError, mint, verify
from sfu.track import Source

NOW = 1_800_000_000.0
SECRET = "a secret of the tenant that is long enough for HS256"
SECRETS = {"acme": SECRET, "other": "another tenant's secret, which is as long as the first"}


def token(**changes: Any) -> str:
    """A token as a backend would sign it; None takes a claim out."""
    claims = {
        "iss": "acme",
        "sub": "alice",
        "room": "lobby",
        "role": "presenter",
        "name": "Alice",
        "exp": int(NOW) + 3600,
    }
    claims |= changes
    kept = {key: value for key, value in claims.items() if value is not None}
    return jwt.encode(kept, SECRET, algorithm="HS256")


def refused(text: str, **arguments: Any) -> TokenError:
    with pytest.raises(TokenError) as caught:
        verify(text, SECRETS, **{"now": NOW, **arguments})
    return caught.value


def test_what_is_minted_is_verified() -> None:
    text = mint(
        SecretStr(SECRET),
        tenant="acme",
        room="lobby",
        identity="alice",
        role=Role.PRESENTER,
        now=NOW,
        ttl=60,
        name="Alice",
        metadata={"avatar": "a.png"},
        can=[Source.MICROPHONE],
    )
    claims = verify(text, {"acme": SecretStr(SECRET)}, now=NOW, room="lobby")
    assert claims.tenant == "acme"
    assert claims.identity == "alice"
    assert claims.role is Role.PRESENTER
    assert claims.name == "Alice"
    assert claims.metadata == {"avatar": "a.png"}
    assert claims.can == frozenset({Source.MICROPHONE})
    assert claims.expires_at == NOW + 60
    assert claims.jti


def test_minted_tokens_differ_so_that_each_can_be_revoked() -> None:
    both = [
        mint(SECRET, tenant="acme", room="r", identity="i", role=Role.VIEWER, now=NOW, ttl=60)
        for _ in range(2)
    ]
    first, second = (verify(text, SECRETS, now=NOW).jti for text in both)
    assert first != second


def test_a_backend_s_token_is_verified() -> None:
    claims = verify(token(jti="7", nbf=int(NOW), iat=int(NOW), extra="ignored"), SECRETS, now=NOW)
    assert claims == JoinClaims(
        tenant="acme",
        identity="alice",
        room="lobby",
        role=Role.PRESENTER,
        name="Alice",
        expires_at=NOW + 3600,
        not_before=NOW,
        jti="7",
    )


def test_time_is_the_argument_not_the_clock() -> None:
    long_ago = token(exp=1000, nbf=900)
    assert verify(long_ago, SECRETS, now=950).identity == "alice"
    far_off = token(exp=int(time.time()) + 10**9, nbf=int(time.time()) + 10**8)
    assert verify(far_off, SECRETS, now=time.time() + 2 * 10**8).identity == "alice"


def test_expiry_with_its_leeway() -> None:
    text = token(exp=int(NOW))
    assert verify(text, SECRETS, now=NOW + LEEWAY - 0.01)
    assert refused(text, now=NOW + LEEWAY).code == "token_expired"


def test_not_before_with_its_leeway() -> None:
    text = token(nbf=int(NOW) + 60)
    assert verify(text, SECRETS, now=NOW + 60 - LEEWAY)
    assert refused(text, now=NOW + 60 - LEEWAY - 0.01).code == "token_not_yet_valid"


def test_unknown_tenant() -> None:
    assert refused(token(iss="nobody")).code == "unknown_tenant"


def test_another_tenant_s_signature() -> None:
    assert refused(token(iss="other")).code == "invalid_token"


def test_wrong_room() -> None:
    assert verify(token(), SECRETS, now=NOW, room="lobby")
    assert refused(token(), room="elsewhere").code == "wrong_room"


@pytest.mark.parametrize("claim", ["iss", "sub", "room", "role", "exp"])
def test_claims_that_must_be_there(claim: str) -> None:
    error = refused(token(**{claim: None}))
    assert error.code == "invalid_token"
    assert claim in error.message


def test_names_of_our_own_are_no_claims() -> None:
    assert refused(token(exp=None, expires_at=NOW + 60)).code == "invalid_token"
    assert verify(token(tenant="other", identity="bob"), SECRETS, now=NOW).tenant == "acme"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("exp", "2030"),
        ("exp", True),
        ("exp", float("inf")),
        ("exp", float("nan")),
        ("exp", 10**400),
        ("exp", [1]),
        ("nbf", "yesterday"),
        ("nbf", float("nan")),
        ("sub", ""),
        ("sub", 7),
        ("sub", "x" * 300),
        ("room", "no spaces please"),
        ("room", ""),
        ("room", "r" * 65),
        ("room", "lobby\n"),
        ("role", "admin"),
        ("role", ["presenter"]),
        ("name", 5),
        ("name", "\ud800"),
        ("jti", ""),
        ("can", "camera"),
        ("can", ["kitchen"]),
        ("can", [["camera"]]),
        ("metadata", "x" * 5000),
        ("metadata", {"volume": float("nan")}),
        ("metadata", "\ud800"),
        ("aud", "another service"),
    ],
)
def test_ill_formed_claims(claim: str, value: object) -> None:
    header = _part({"alg": "HS256", "typ": "JWT"})
    good = jwt.decode(token(), options={"verify_signature": False})
    body = _part({**good, claim: value})
    error = refused(_signed(header, body))
    assert error.code == "invalid_token"


def test_the_header_cannot_choose_another_algorithm() -> None:
    body = token().split(".")[1]
    unsigned = _part({"alg": "none", "typ": "JWT"}) + "." + body + "."
    assert refused(unsigned).code == "invalid_token"
    longer = jwt.encode(jwt.decode(token(), options=_UNCHECKED), SECRET, algorithm="HS512")
    assert refused(longer).code == "invalid_token"


def test_the_header_cannot_choose_another_key() -> None:
    claims = jwt.decode(token(), options=_UNCHECKED)
    key = {"kty": "oct", "k": "bm90IHRoZSBzZWNyZXQgYXQgYWxsLCBidXQgbG9uZw"}
    for header in (
        {"kid": "../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"jku": "http://127.0.0.1/keys"},
        {"x5u": "http://127.0.0.1/certificate"},
        {"jwk": key},
    ):
        for wrong in ("\0", "not the secret at all, but long"):
            forged = jwt.encode(claims, wrong, algorithm="HS256", headers=header)
            assert refused(forged).code == "invalid_token"


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = token().split(".")
    payload = token(role="organizer").split(".")[1]
    assert refused(f"{header}.{payload}.{signature}").code == "invalid_token"


def test_critical_headers_that_nobody_understands_are_refused() -> None:
    claims = jwt.decode(token(), options=_UNCHECKED)
    text = jwt.encode(claims, SECRET, algorithm="HS256", headers={"crit": ["x"], "x": 1})
    assert refused(text).code == "invalid_token"


def test_size_is_bounded_before_anything_is_read() -> None:
    assert "longer than" in refused("a" * (MAX_TOKEN + 1)).message
    nested = _part({"alg": "HS256"}) + "." + _encoded("[" * 5000)
    assert refused(nested + ".AA").code == "invalid_token"


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    assert refused(text).code == "invalid_token"


@given(
    header=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["alg", "typ", "crit", "b64", "kid"]), inner)
        ),
        max_leaves=8,
    ),
    payload=st.recursive(
        st.none() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["iss", "sub", "exp", "room", "aud", "can"]), inner)
        ),
        max_leaves=8,
    ),
)
def test_any_json_is_refused_and_nothing_else_happens(header: object, payload: object) -> None:
    error = refused(_signed(_part(header), _part(payload)))
    assert error.code in ("invalid_token", "unknown_tenant")


def test_mint_refuses_what_verify_would() -> None:
    with pytest.raises(ValueError, match="room"):
        mint(SECRET, tenant="acme", room="a b", identity="i", role=Role.VIEWER, now=NOW, ttl=1)


def _signed(header: str, body: str) -> str:
    """Signed rightly, whatever it holds."""
    mac = hmac.digest(SECRET.encode(), f"{header}.{body}".encode(), hashlib.sha256)
    return f"{header}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _part(value: object) -> str:
    return _encoded(json.dumps(value))


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_UNCHECKED: Any = {"verify_signature": False}


def test_a_token_too_long_to_be_read_is_not_made() -> None:
    with pytest.raises(ValueError, match="longer"):
        mint(
            "secret",
            tenant="acme",
            room="hall",
            identity="\N{GRINNING FACE}" * 256,
            name="\N{GRINNING FACE}" * 256,
            role=Role.ATTENDEE,
            now=0,
            ttl=60,
            metadata="é" * 2000,
        )


def test_metadata_is_not_nested_without_end() -> None:
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    with pytest.raises(ValueError, match="deep"):
        mint(
            "secret",
            tenant="acme",
            room="hall",
            identity="ann",
            role=Role.ATTENDEE,
            now=0,
            ttl=60,
            metadata=deep,
        )
