"""Proof of work and uploads: what strangers must do, and what they may leave here."""

import base64
import io
import json
import zipfile
from datetime import timedelta

import pytest
from altcha import v1 as altcha

from ccc_router.channels.portal import proof
from ccc_router.channels.portal.http import PortalLimits
from ccc_router.kernel import ids
from ccc_router.storage.database import Database
from ccc_router.workers.prune import Pruning
from tests.support.portal_site import PortalSite, bearer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def solved(site: PortalSite, endpoint: str = "guarded") -> str:
    answer = await site.http.get(f"/{endpoint}/challenge")
    assert answer.status_code == 200, answer.text
    return solution(answer.json())


def solution(asked: dict[str, object]) -> str:
    found = altcha.solve_challenge(str(asked["challenge"]), str(asked["salt"]), "SHA-256", 1000)
    assert found is not None
    payload = {name: asked[name] for name in ("algorithm", "challenge", "salt", "signature")} | {"number": found.number}
    return base64.b64encode(json.dumps(payload).encode()).decode()


async def test_a_solved_challenge_opens_the_form_once(site: PortalSite) -> None:
    work = await solved(site)
    assert (await site.http.post("/guarded/contacts", json={"text": "a", "altcha": work})).status_code == 201
    again = await site.http.post("/guarded/contacts", json={"text": "b", "altcha": work})
    assert (again.status_code, again.json()["code"]) == (422, "proof_used")
    assert len(await site.inputs()) == 1
    assert await site.database.pool.fetchval("SELECT count(*) FROM portal_ticket") == 1


async def test_the_same_solution_written_otherwise_is_the_same(site: PortalSite) -> None:
    """The salt may end with or without its delimiter, the JSON may be spaced: one challenge all the same."""
    work = await solved(site)
    assert (await site.http.post("/guarded/contacts", json={"text": "a", "altcha": work})).status_code == 201
    document = json.loads(base64.b64decode(work))
    document["salt"] = document["salt"].rstrip("&")
    other = base64.b64encode(json.dumps(document, indent=1).encode()).decode()
    answer = await site.http.post("/guarded/contacts", json={"text": "b", "altcha": other})
    assert (answer.status_code, answer.json()["code"]) == (422, "proof_used")


async def test_a_repeated_request_does_not_need_new_work(site: PortalSite) -> None:
    key = {"Idempotency-Key": ids.fresh("ik")}
    form = {"text": "a", "altcha": await solved(site)}
    first = await site.http.post("/guarded/contacts", json=form, headers=key)
    again = await site.http.post("/guarded/contacts", json=form, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()


async def test_without_work_nothing_is_taken(site: PortalSite) -> None:
    good = json.loads(base64.b64decode(await solved(site)))

    def written(**changes: object) -> str:
        return base64.b64encode(json.dumps({**good, **changes}).encode()).decode()

    forged = altcha.create_challenge(altcha.ChallengeOptions("SHA-256", 50, hmac_key="another key"))
    bad: list[object] = [
        None, "", "x", "=", "e30=", base64.b64encode(b"[]").decode(), base64.b64encode(b"\xff").decode(),
        written(number=good["number"] + 1), written(number=-1), written(number="1"), written(number=1e300), written(salt=7),
        written(salt="x?expires=99999999999&"), written(salt=good["salt"] + "expires=99999999999&"), written(algorithm="SHA-1"),
        written(challenge="0" * 64), written(signature="0" * 64), written(signature="\ud83d"), solution(forged.to_dict()),
    ]  # fmt: skip
    for work in bad:
        answer = await site.http.post("/guarded/contacts", content=json.dumps({"text": "a", "altcha": work}))
        assert (answer.status_code, answer.json()["code"]) == (422, "proof_required"), work
    assert await site.inputs() == []


async def test_a_challenge_is_good_for_ten_minutes(site: PortalSite) -> None:
    now = site.clock.now()
    asked = proof.ask("key", now, 50)
    work = solution(dict(asked))
    assert proof.check(work, ("other", "key"), now + timedelta(minutes=9)) is not None
    assert proof.check(work, ("key",), now + timedelta(minutes=10, seconds=1)) is None
    assert proof.check(work, ("key",), now - timedelta(minutes=1)) is None, "no clock of ours made that"
    assert proof.check(work, (), now) is None


async def test_where_no_work_is_asked_for_there_is_no_challenge(site: PortalSite) -> None:
    assert (await site.http.get("/portal/challenge")).status_code == 404


async def test_an_upload_goes_with_one_message(site: PortalSite) -> None:
    answer = await site.http.post("/portal/uploads", files={"file": ("Ảnh thẻ.PNG", PNG, "text/html")})
    assert answer.status_code == 201, answer.text
    upload = answer.json()
    assert (upload["name"], upload["media_type"], upload["size"]) == ("Ảnh thẻ.png", "image/png", len(PNG))
    ticket = await site.open("Xem ảnh", attachments=[upload["id"]])
    (fact,) = await site.inputs()
    assert fact.private is not None
    (file,) = fact.private.attachments
    assert (file.attachment_id, file.name) == (upload["id"], "Ảnh thẻ.png")
    assert await site.database.pool.fetchval("SELECT bytes FROM blob WHERE sha256 = $1", file.sha256) == PNG
    again = await site.http.post(
        f"/portal/contacts/{ticket['reference']}/messages",
        json={"text": "lần nữa", "attachments": [upload["id"]]},
        headers=bearer(ticket),
    )
    assert (again.status_code, again.json()["code"]) == (422, "unknown_upload")


async def test_an_upload_of_another_endpoint_is_unknown(site: PortalSite) -> None:
    upload = (await site.http.post("/portal/uploads", files={"file": ("a.png", PNG)})).json()
    answer = await site.http.post("/counted/contacts", json={"text": "a", "attachments": [upload["id"]]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_upload")


async def test_where_work_is_asked_for_uploads_need_it_too(site: PortalSite) -> None:
    files = {"file": ("a.png", PNG)}
    assert (await site.http.post("/guarded/uploads", files=files)).status_code == 422
    work = {"Altcha": await solved(site)}
    assert (await site.http.post("/guarded/uploads", files=files, headers=work)).status_code == 201
    assert (await site.http.post("/guarded/uploads", files=files, headers=work)).status_code == 422


def office(folder: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/document.xml", "<w/>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jpg", b"\xff\xd8\xff\xe0rest", "a.jpg"),
        ("a.exe", b"\xff\xd8\xff\xe0rest", "a.exe.jpg"),
        ("../../etc/passwd", b"%PDF-1.7", "passwd.pdf"),
        ("C:\\Users\\x\\t\u1edd khai.PDF", b"%PDF-1.7", "tờ khai.pdf"),
        ("\u202egnp.exe", PNG, "gnp.exe.png"),
        ("te\u0302n.png", PNG, "tên.png"),
        ("...", PNG, "file.png"),
        ("x" * 500 + ".png", PNG, "x" * 120 + ".png"),
        ("a.docx", office("word"), "a.docx"),
        ("a.xlsx", office("xl"), "a.xlsx"),
        ("a.webp", b"RIFF\x10\0\0\0WEBPVP8 ", "a.webp"),
        ("a.heic", b"\0\0\0\x18ftypheic", "a.heic"),
        ("a.html", b"<script>", None),
        ("a.png", b"GIF89a", None),
        ("a.svg", b"<svg onload=alert(1)>", None),
        ("a.zip", b"PK\x03\x04anything", None),
        ("a.exe", b"MZ\x90", None),
        ("a.png", b"", None),
    ],
)
async def test_the_bytes_decide_what_a_file_is(
    site: PortalSite, name: str, content: bytes, expected: str | None
) -> None:
    answer = await site.http.post("/portal/uploads", files={"file": (name, content, "image/png")})
    if expected is None:
        assert answer.status_code in {400, 415}
    else:
        assert (answer.status_code, answer.json().get("name")) == (201, expected)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"not a form", 400),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
            400,
        ),
        ("multipart/form-data; boundary=x", b"", 400),
    ],
)
async def test_what_is_no_form_with_a_file_is_refused(
    site: PortalSite, content_type: str, body: bytes, status: int
) -> None:
    answer = await site.http.post("/portal/uploads", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text


async def test_a_file_over_the_limit_is_413_before_it_is_read(database: Database) -> None:
    site = PortalSite(database, PortalLimits(upload_bytes=1000))
    async with site.http:
        answer = await site.http.post("/portal/uploads", files={"file": ("a.png", PNG + b"\0" * 2000)})
    assert answer.status_code == 413
    assert await database.pool.fetchval("SELECT count(*) FROM blob") == 0


async def test_old_challenges_and_unsent_uploads_are_forgotten(site: PortalSite) -> None:
    await site.http.post("/portal/uploads", files={"file": ("a.png", PNG)})
    await site.http.post("/guarded/contacts", json={"text": "a", "altcha": await solved(site)})
    await Pruning(site.database).run_once()
    assert await site.database.pool.fetchval("SELECT count(*) FROM portal_upload") == 1
    assert await site.database.pool.fetchval("SELECT count(*) FROM portal_proof") == 1
    await site.database.pool.execute("UPDATE portal_upload SET at = at - interval '25 hours'")
    await site.database.pool.execute("UPDATE portal_proof SET expires_at = expires_at - interval '11 minutes'")
    await Pruning(site.database).run_once()
    assert await site.database.pool.fetchval("SELECT count(*) FROM portal_upload") == 0
    assert await site.database.pool.fetchval("SELECT count(*) FROM portal_proof") == 0
