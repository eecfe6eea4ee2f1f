"""`/api/Report/Attachment` and `Attachments`: the files in a report, one by one or as a zip."""

import io
import zipfile
from collections.abc import Iterator

import msgspec

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.rows import body_of, visible
from pywats_mqtt.emulator.reports.step_data import file_bytes
from pywats_mqtt.emulator.reports.steps import walk
from pywats_mqtt.emulator.wire import Call, Refusal, Reply

UNNAMED_TYPE = "application/octet-stream"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class File(msgspec.Struct, frozen=True):
    """A file in a report. `number` is its attachment id: 1 for the first, those of steps before the report's own."""

    number: int
    step: int | None
    name: str
    content_type: str
    content: bytes


def files_of(report: JsonObject) -> list[File]:
    """All files of a report that follows the rules."""
    return [
        File(
            number,
            step,
            str(sent["name"]),
            str(sent.get("contentType") or UNNAMED_TYPE),
            file_bytes(sent) or b"",
        )
        for number, (step, sent) in enumerate(_sent(report), 1)
    ]


def get_attachment(call: Call) -> Reply:
    """GET /api/Report/Attachment: the bytes of the file with `attachmentId`, or of the one of step `stepId`.

    `reportId` is required; pywats never sends it, so its own call is refused.

    Raises:
        Refusal: 400, no reportId, or not exactly one of the other two; 404, no such report or file.
    """
    key = call.required("reportId")
    wanted, step = call.whole("attachmentId"), call.whole("stepId")
    if (wanted is None) == (step is None):
        raise Refusal(400, "give either attachmentId or stepId")
    for file in files_of(body_of(call.store, visible(call.store, key))):
        if file.number == wanted or (step is not None and file.step == step):
            return Reply(file.content, content_type=_header_value(file.content_type))
    raise Refusal(404, f"Report {key!r} has no such attachment.")


def get_attachments(call: Call) -> Reply:
    """GET /api/Report/Attachments/{id}: all files of a report in one zip.

    Raises:
        Refusal: 404, no such report.
    """
    (key,) = call.identifiers
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files_of(body_of(call.store, visible(call.store, key))):
            # The number keeps two files of the same name apart; a fixed time makes equal reports equal archives.
            place = f"{file.number}/{file.name.replace('/', '_').replace(chr(0), '_')}"
            archive.writestr(zipfile.ZipInfo(place, _ZIP_EPOCH), file.content)
    return Reply(packed.getvalue(), content_type="application/zip")


def _sent(report: JsonObject) -> Iterator[tuple[int | None, JsonObject]]:
    for number, _, step in walk(report):
        attachment = step.get("attachment")
        if isinstance(attachment, dict):
            yield number, attachment
    own = report.get("binaryData")
    for file in own if isinstance(own, list) else []:
        yield None, file


def _header_value(text: str) -> str:
    """A content type that a header can carry."""
    return text if text.isascii() and text.isprintable() else UNNAMED_TYPE
