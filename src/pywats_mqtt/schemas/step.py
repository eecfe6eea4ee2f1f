"""One step of a test, and what it may carry: measurements, steps below it, a chart, a file, its turn in a loop."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from pywats_mqtt.schemas.common import INT32_MAX, NOT_SENT, Count, Time, Year, YearMs

MAX_STEPS = 10_000
"""More steps and measurements make a report nobody reads and a request WATS may refuse for its size."""

MAX_DEPTH = 20
"""Sequences within sequences. Deeper ones no report shows, and each level costs a level of our own call stack."""

MAX_SERIES = 50
"""Series of a chart that WATS' own client takes."""

MAX_POINTS = 100_000
"""Points of a series: more than any screen shows, and a packet of 4 MB would hold."""

Verdict: TypeAlias = Annotated[
    str | bool | None,
    Meta(
        description="Passed, Failed, Error, Terminated (a step also Skipped, Done), their first letter, or a usual"
        " synonym (OK, NOK, true, Aborted …), upper or lower case."
    ),
]

Operator: TypeAlias = Annotated[
    str | None,
    Meta(
        description="How the value is compared, as WATS names it (EQ, NE, GT, GE, LT, LE; within GTLT, GTLE, GELT,"
        " GELE; outside LTGT, LTGE, LEGT, LEGE; texts EQ, NE, CASESENSIT, IGNORECASE; LOG for no limits), or in"
        " symbols and words such as >=, !=, [), between, outside, ignore case. Missing: by the limits that are there."
    ),
]

Limit: TypeAlias = Annotated[
    float | str | None,
    Meta(
        description="The one limit of `comp`; of a text value the text expected, equal to it where `comp` is missing."
    ),
]


class MeasurementMessage(Struct, frozen=True, kw_only=True, gc=False):
    """One of several values of a step. All values of a step are numbers, or texts, or truths."""

    name: Annotated[
        str, Meta(description="What was measured; over 100 characters it is cut, and kept in an attachment.")
    ]
    value: Annotated[
        float | str | bool | None,
        Meta(
            description="A number, a text or a truth; without a value the status is all there is. A text that reads as"
            ' a number is refused unless the step\'s `type` is "string".'
        ),
    ] = None
    unit: Annotated[str | None, Meta(description="Unit of the value.")] = None
    low: Annotated[
        float | None, Meta(description="The lower limit; inside the good range unless `comp` says else.")
    ] = None
    high: Annotated[float | None, Meta(description="The upper limit, as `low`.")] = None
    limit: Limit = None
    comp: Operator = None
    status: Annotated[
        Verdict, Meta(description="The device's own verdict. Missing: computed from the value and its limits.")
    ] = None


class SeriesMessage(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a chart."""

    name: Annotated[str, Meta(description="What the line shows.")]
    y: Annotated[Annotated[list[float], Meta(max_length=MAX_POINTS)], Meta(description="The values, at least one.")]
    x: Annotated[
        Annotated[list[float], Meta(max_length=MAX_POINTS)] | None,
        Meta(description="Where on the x axis each of them stands: as many as in `y`. Missing: one after the other."),
    ] = None


class ChartMessage(Struct, frozen=True, kw_only=True, gc=False):
    """A chart."""

    series: Annotated[
        Annotated[list[SeriesMessage], Meta(max_length=MAX_SERIES)], Meta(description="Its lines, at least one.")
    ]
    type: Annotated[
        str | None,
        Meta(
            description="line (the default), or which axes are logarithmic: log_xy, log_x, log_y; or as WATS names it."
        ),
    ] = None
    label: Annotated[str | None, Meta(description="Its title. Missing: the step's name.")] = None
    x_label: Annotated[str | None, Meta(description="What the x axis shows.")] = None
    x_unit: Annotated[str | None, Meta(description="Its unit, at most 50 characters.")] = None
    y_label: Annotated[str | None, Meta(description="What the y axis shows.")] = None
    y_unit: Annotated[str | None, Meta(description="Its unit, at most 50 characters.")] = None


class AttachmentMessage(Struct, frozen=True, kw_only=True, gc=False):
    """A file; WATS keeps one for each step. One without a byte is left out, and noted."""

    name: Annotated[str, Meta(description="Its name, such as `trace.csv`.")]
    data: Annotated[str, Meta(description="Its bytes in base64 (RFC 4648, 4); how many, `max_attachment_bytes` says.")]
    content_type: Annotated[str | None, Meta(description="Its media type. Missing: application/octet-stream.")] = None


class LoopMessage(Struct, frozen=True, kw_only=True, gc=False):
    """Which turn of a loop a step was done in."""

    index: Annotated[Count, Meta(description="The turn, from 0.")] = None
    count: Annotated[Count, Meta(description="How many turns there are.")] = None


class StepMessage(Struct, frozen=True, kw_only=True, gc=False):
    """One step of a test: a value, several `measurements`, a chart, a sequence of `steps`, or just something done.

    A value without limits is logged, one limit is inclusive, two are a range with its ends inside, unless `comp` says
    else.
    """

    name: Annotated[str, Meta(description="What was done; over 100 characters it is cut, and kept in an attachment.")]
    status: Annotated[
        Verdict,
        Meta(
            description="The device's own verdict. Missing: computed from values and limits, or from the steps below."
        ),
    ] = None
    type: Annotated[
        str | None,
        Meta(
            description='"string" where the value is meant to be a text, "action" for something done that neither'
            ' passes nor fails, "pass_fail" where a truth is the verdict and no number. Nothing else needs a type;'
            " others are ignored."
        ),
    ] = None
    value: Annotated[
        float | str | bool | None,
        Meta(
            description="What was measured; with limits a number. true is 1, false is 0. A text is refused unless"
            ' `type` is "string" or `limit` is a text: a number sent as "5.02" by mistake would become a text that'
            " nobody can trend."
        ),
    ] = None
    unit: Annotated[str | None, Meta(description="Unit of the value.")] = None
    low: Annotated[float | None, Meta(description="Lowest good value; `comp` may say else.")] = None
    high: Annotated[float | None, Meta(description="Highest good value; `comp` may say else.")] = None
    limit: Limit = None
    comp: Operator = None
    measurements: Annotated[
        Annotated[list[MeasurementMessage], Meta(max_length=MAX_STEPS)] | None,
        Meta(description="Several values instead of one `value`."),
    ] = None
    steps: Annotated[
        Annotated[list[StepMessage], Meta(max_length=MAX_STEPS)] | None,
        Meta(description="The steps of a sequence, in the order done; such a step has no value of its own."),
    ] = None
    chart: Annotated[ChartMessage | None, Meta(description="A chart; alone, or beside what was measured.")] = None
    attachment: Annotated[AttachmentMessage | None, Meta(description="A file.")] = None
    loop: Annotated[LoopMessage | None, Meta(description="Which turn of a loop this was.")] = None
    group: Annotated[
        str | None, Meta(description="setup, main (the default) or cleanup, or the first letter; others are noted.")
    ] = None
    start: Annotated[
        Time, Meta(description="When the step began, as the result's `timestamp`, and corrected as that is.")
    ] = NOT_SENT
    error_code: Annotated[
        Annotated[int, Meta(ge=-INT32_MAX - 1, le=INT32_MAX)] | str | None,
        Meta(description="The device's error number; a text is put before `error_message`."),
    ] = None
    error_message: Annotated[str | None, Meta(description="The device's error text.")] = None
    message: Annotated[str | None, Meta(description="The same as `report_text`.")] = None
    report_text: Annotated[str | None, Meta(description="Free text for the step.")] = None
    duration_ms: Annotated[YearMs | None, Meta(description="How long the step took, in milliseconds.")] = None
    duration_s: Annotated[Year | None, Meta(description="The same in seconds.")] = None
