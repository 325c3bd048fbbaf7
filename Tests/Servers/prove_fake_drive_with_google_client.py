#!/usr/bin/env python3
"""Judges the fake Drive with Google's own client library: prove_fake_drive_with_google_client.py http://127.0.0.1:PORT

Needs google-api-python-client. Exits 0 if every expectation holds.
"""
import io, json, os, sys, urllib.request

import google.auth.exceptions
import google.oauth2.credentials
import google_auth_httplib2
import googleapiclient.discovery
import googleapiclient.errors
import googleapiclient.http
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR

ROOT = sys.argv[1]
UNIT = 256 * 1024


def control(what, document=None):
    request = urllib.request.Request(f"{ROOT}/control/{what}", json.dumps(document).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def credentials(refresh="refresh-token"):
    # google-auth takes the token endpoint from this argument; only from a file is it ignored.
    return google.oauth2.credentials.Credentials(
        None, refresh_token=refresh, token_uri=f"{ROOT}/token", client_id="client-id", client_secret="client-secret")


def service(creds):
    with open(os.path.join(DISCOVERY_DOC_DIR, "drive.v3.json")) as file:
        document = json.load(file)
    document["rootUrl"], document["baseUrl"] = ROOT + "/", ROOT + "/drive/v3/"
    document.pop("mtlsRootUrl", None)
    # A short time limit: after a cut connection the client sends its consumed stream again and waits for an answer.
    plain = googleapiclient.http.build_http()
    plain.timeout = 1
    http = google_auth_httplib2.AuthorizedHttp(creds, http=plain)
    return googleapiclient.discovery.build_from_document(document, http=http)


def expect(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    if not holds:
        sys.exit(1)


def upload(drive, body, content, chunk=UNIT):
    media = googleapiclient.http.MediaIoBaseUpload(
        io.BytesIO(content), mimetype="application/octet-stream", chunksize=chunk, resumable=True)
    request = drive.files().create(body=body, media_body=media, fields="id,name,size,md5Checksum,sha256Checksum,parents")
    answer = None
    for _ in range(50):
        try:
            _, answer = request.next_chunk()
        except googleapiclient.errors.HttpError as error:
            if error.resp.status < 500:
                raise
        except (OSError, google.auth.exceptions.TransportError):
            pass
        if answer is not None:
            return answer
    return None


control("reset")
try:
    service(credentials("wrong")).files().list().execute()
    expect("a wrong refresh token is refused", False)
except google.auth.exceptions.RefreshError as error:
    expect("a wrong refresh token is a RefreshError: invalid_grant", "invalid_grant" in str(error))

drive = service(credentials())
expect("about.get", "storageQuota" in drive.about().get(fields="storageQuota").execute())
try:
    drive.about().get().execute()
    expect("about.get without fields is refused", False)
except googleapiclient.errors.HttpError as error:
    expect("about.get without fields is 400 required", error.resp.status == 400 and "required" in str(error))

folder = drive.files().create(body={"name": "F", "mimeType": "application/vnd.google-apps.folder"}, fields="id").execute()
reserved = drive.files().generateIds(count=1, space="drive", type="files").execute()["ids"][0]
content = os.urandom(3 * UNIT + 12345)
body = {"id": reserved, "name": "it's", "parents": [folder["id"]], "appProperties": {"k": "v'\\"}}
answer = upload(drive, body, content)
expect("a resumable upload in chunks under a reserved id", answer and answer["id"] == reserved)
expect("size is a decimal string", answer["size"] == str(len(content)))
try:
    upload(drive, body, content)
    expect("the same id again is refused", False)
except googleapiclient.errors.HttpError as error:
    expect("the same id again is 409 fileIdInUse", error.resp.status == 409 and "fileIdInUse" in error.content.decode())

for fault in (
    {"on": "data", "skip": 1, "do": "drop", "after": UNIT // 2},
    {"on": "data", "skip": 1, "do": "status", "status": 503, "keep": "none"},
    {"on": "data", "skip": 1, "do": "shorter", "keep": 0},
):
    control("faults", [fault])
    before = len(control("state")["files"])
    name = {"name": "again", "parents": [folder["id"]]}
    answer = upload(drive, name, content, chunk=2 * UNIT)
    after = control("faults", [])
    expect(f"the client recovers from {fault['do']}", answer is not None and len(after["files"]) == before + 1)

query = "'%s' in parents and trashed = false and appProperties has { key='k' and value='v\\'\\\\' }" % folder["id"]
found = drive.files().list(q=query, fields="nextPageToken,files(id,name,appProperties)").execute()["files"]
expect("a search by appProperties with quotes", [f["id"] for f in found] == [reserved])

control("set", {"page_cap": 1, "empty_pages": 1})
request, names = drive.files().list(q="trashed = false", fields="nextPageToken,files(id)"), []
pages = 0
while request is not None:
    page = request.execute()
    names += page["files"]
    pages += 1
    request = drive.files().list_next(request, page)
expect("pages, an empty one among them", pages == len(names) + 1 and len(names) == len({f["id"] for f in names}))
control("set", {"page_cap": 1000, "empty_pages": 0})

buffer = io.BytesIO()
downloader = googleapiclient.http.MediaIoBaseDownload(buffer, drive.files().get_media(fileId=reserved), chunksize=UNIT)
done = False
while not done:
    _, done = downloader.next_chunk()
expect("a download in ranges", buffer.getvalue() == content)

control("faults", [{"on": "list", "do": "status", "status": 403, "reason": "userRateLimitExceeded"}])
expect("a rate limit is retried by num_retries", "files" in drive.files().list().execute(num_retries=2))

control("expire-tokens")
expect("401 makes the client refresh", "files" in drive.files().list().execute())

drive.files().update(fileId=reserved, body={"trashed": True}, fields="id,trashed").execute()
expect("a trashed file is not found", not drive.files().list(q=query, fields="files(id)").execute()["files"])
drive.files().delete(fileId=reserved).execute()
try:
    drive.files().get(fileId=reserved).execute()
    expect("a deleted file is gone", False)
except googleapiclient.errors.HttpError as error:
    expect("a deleted file is 404 notFound", error.resp.status == 404)
print("proven")
