"""Send mails over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

from abplat.config import Settings
from abplat.errors import InvalidInputError, UnavailableError

TIMEOUT_S: Final = 15.0
_PORTS: Final = {"smtp": 25, "smtps": 465}


def is_set_up(settings: Settings) -> bool:
    """Tell whether mails can be sent at all."""
    return bool(settings.smtp_url and settings.mail_from)


def make_mail(settings: Settings, to: str, subject: str, text: str) -> EmailMessage:
    """Write a mail as plain text: nothing of data can be markup there; line breaks cannot make headers."""
    mail = EmailMessage()
    mail["From"] = settings.mail_from
    mail["To"] = to
    mail["Subject"] = " ".join(subject.split())[:200]
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2].strip(" >") or None)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def send(settings: Settings, mail: EmailMessage) -> None:
    """Hand a mail to the server of the settings, encrypted wherever it can be.

    Raises:
        InvalidInputError: If ``smtp_url`` is not one.
        UnavailableError: If the server does not take it.
    """
    parts = urlsplit(settings.smtp_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        message = "is not smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT"
        raise InvalidInputError.at("ABPLAT_SMTP_URL", message, "bad_setting")
    port = parts.port or _PORTS[parts.scheme]
    try:
        with _connect(parts.scheme, parts.hostname, port) as server:
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise UnavailableError(f"the mail server {parts.hostname} did not take a mail: {error}") from error


def _connect(scheme: str, host: str, port: int) -> smtplib.SMTP:
    """Open a connection, encrypted from the start or as soon as the server can."""
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    return server
