"""Who is at this browser, as far as uploads need to know: a login where there is one, else a secret that it keeps.

The secret is drawn at the first visit and kept by the browser in a cookie; the lab only ever writes down its hash.
Another browser, or one that was told to forget, is another person.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

COOKIE = "mtl_lab_visitor"
_keep = component("mtl_lab_visitor", js=Path(__file__).with_suffix(".js").read_text("utf-8"), isolate_styles=False)


def visitor() -> str:
    """Whose uploads these are: a word that says nothing about the person."""
    if getattr(st.user, "is_logged_in", False):
        return _hashed(f"login {st.user.get('sub') or st.user.get('email')}")
    return _hashed(f"browser {_secret()}")


def remember_visitor() -> None:
    """Let the browser keep the secret, unless it does already."""
    if st.context.cookies.get(COOKIE) != _secret():
        _keep(key="visitor_cookie", data={"name": COOKIE, "secret": _secret()})


def _secret() -> str:
    if "visitor" not in st.session_state:
        kept = str(st.context.cookies.get(COOKIE) or "")
        st.session_state["visitor"] = kept if re.fullmatch(r"[\w-]{32}", kept) else secrets.token_urlsafe(24)
    return str(st.session_state["visitor"])


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
