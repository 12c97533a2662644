"""A request that others have chosen the address of reaches nothing that only this machine can, and is bounded."""

import ssl
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from holdfast.domain.errors import Refusal
from holdfast.gateways.addresses import is_public
from holdfast.gateways.webhooks import ANSWER_BYTES_MAX, ANSWER_CHARS_KEPT, WebhookSender, url_of
from tests.receiver import answering, receiving
from tests.smtp import make_certificate

HERE = [ip_network("127.0.0.0/8")]
BODY = b'{"type": "x"}'


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:0a00:1::",
        "2001:db8::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)  # fmt: skip
async def test_nothing_is_sent_to_an_address_that_is_not_public(address: str):
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    answered = await WebhookSender(within_s=2).send(f"http://{host}:9/", {}, BODY)
    assert answered.status is None and "no public address" in (answered.error or "")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str):
    assert is_public(ip_address(address))


async def test_a_name_that_leads_to_one_private_address_among_others_is_refused():
    async def resolve(host: str, port: int) -> list[str]:
        return ["8.8.8.8", "127.0.0.1"]

    answered = await WebhookSender(resolve=resolve).send("https://hooks.example.org/", {}, BODY)
    assert "127.0.0.1" in (answered.error or "") and answered.status is None


@pytest.mark.parametrize("spelled", ["2130706433", "0x7f.1", "127.1", "localhost"])
async def test_other_spellings_of_this_machine_are_found_out_when_they_are_resolved(spelled: str):
    answered = await WebhookSender(within_s=5).send(f"http://{spelled}:9/", {}, BODY)
    assert answered.status is None and answered.error


async def test_a_name_is_asked_for_once_and_the_connection_goes_to_what_was_looked_at():
    async with receiving() as receiver:
        # the second answer would lead elsewhere, if anybody asked again
        resolve = answering("127.0.0.1", "127.0.0.2")
        sender = WebhookSender(allowed=[ip_network("127.0.0.1/32")], resolve=resolve)
        url = f"http://hooks.example.org:{receiver.port}/a?b=c"
        assert (await sender.send(url, {"webhook-id": "m"}, BODY)).is_taken
        (came,) = receiver.requests
        assert came["line"] == "POST /a?b=c HTTP/1.1"
        assert came["headers"]["host"] == f"hooks.example.org:{receiver.port}"
        answered = await sender.send(url, {}, BODY)
        assert not answered.is_taken and "127.0.0.2" in (answered.error or "") and len(receiver.requests) == 1


async def test_the_certificate_is_held_against_the_name_though_the_connection_goes_to_the_address(tmp_path: Path):
    certificate = make_certificate(tmp_path, "DNS:hooks.example.org")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    async with receiving(tls) as receiver:
        sender = WebhookSender(allowed=HERE, resolve=answering("127.0.0.1"), trust=trust)
        assert (await sender.send(f"https://hooks.example.org:{receiver.port}/", {}, BODY)).is_taken
        for host in ("other.example.org", "127.0.0.1"):
            answered = await sender.send(f"https://{host}:{receiver.port}/", {}, BODY)
            assert answered.status is None and "certificate" in (answered.error or "").lower()
        strict = WebhookSender(allowed=HERE, resolve=answering("127.0.0.1"))
        assert (await strict.send(f"https://hooks.example.org:{receiver.port}/", {}, BODY)).status is None
        assert len(receiver.requests) == 1


async def test_redirects_are_not_followed():
    async with receiving() as receiver:
        receiver.behaviour = "redirect"
        answered = await WebhookSender(allowed=HERE).send(receiver.url, {}, BODY)
        assert answered.status == 302 and "redirects are not followed" in (answered.error or "")
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("behaviour", ["slow", "drip"])
async def test_a_slow_answer_is_waited_for_only_so_long(behaviour: str):
    async with receiving() as receiver:
        receiver.behaviour = behaviour
        answered = await WebhookSender(allowed=HERE, within_s=0.5).send(receiver.url, {}, BODY)
        assert "no whole answer" in (answered.error or "") and answered.took_ms < 10_000


async def test_of_a_huge_answer_only_the_beginning_is_read():
    async with receiving() as receiver:
        receiver.behaviour = "huge"
        answered = await WebhookSender(allowed=HERE).send(receiver.url, {}, BODY)
        assert answered.is_taken and len(answered.answer or "") == ANSWER_CHARS_KEPT
        assert receiver.bytes_sent < 1000 * ANSWER_BYTES_MAX


async def test_failures_say_what_happened_and_what_was_asked_for():
    async with receiving() as receiver:
        sender = WebhookSender(allowed=HERE)
        receiver.behaviour, receiver.headers = 503, [("Retry-After", "120")]
        answered = await sender.send(receiver.url, {}, BODY)
        assert (answered.status, answered.error, answered.retry_after_s) == (503, "answered 503", 120.0)
        receiver.behaviour = "hang up"
        assert (await sender.send(receiver.url, {}, BODY)).error
    assert (await sender.send(receiver.url, {}, BODY)).error
    assert "cannot be resolved" in ((await sender.send("https://nowhere.invalid/", {}, BODY)).error or "")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/", "ftp://x.org/", "https://", "https://user:pw@x.org/", "https://x.org/#f",
        "https://x.org/ y", "https://x.org:99999/", "https://\u00fc.org/", "javascript:alert(1)", "https://x.org:0/",
    ],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused(url: str):
    with pytest.raises(Refusal, match="invalid_request"):
        url_of(url, http=False)


def test_http_is_taken_only_where_it_is_allowed():
    assert url_of("http://hooks.example.org/a", http=True) == "http://hooks.example.org/a"
