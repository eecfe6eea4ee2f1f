"""`/api/Software/Packages`, `Package/{id}`, `PackageByName` and `PackagesByTag`: reading packages."""

from pywats_mqtt.emulator.software.rows import addressed, required_status, shown, tags_of
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Refusal, Reply, json_reply


def get_packages(call: Call) -> Reply:
    """GET /api/Software/Packages: all versions of all packages, in the order in which they were made."""
    return json_reply([shown(row) for row in call.store.rows("SELECT * FROM packages ORDER BY number")])


def get_package(call: Call) -> Reply:
    """GET /api/Software/Package/{id}: one package.

    Raises:
        Refusal: as `addressed`.
    """
    return json_reply(shown(addressed(call)))


def get_package_by_name(call: Call) -> Reply:
    """GET /api/Software/PackageByName: the highest version of `name` with this `status`, or its `version`.

    Names are compared in their case, which is a guess.

    Raises:
        Refusal: 400, name or status is absent, or one is wrong; 404, there is no such package.
    """
    name, status = call.required("name"), required_status(call)
    version = call.whole("version", highest=INT32_MAX)
    found = call.store.row(
        "SELECT * FROM packages WHERE name = ? AND status = ? AND (? IS NULL OR version = ?) ORDER BY version DESC",
        name,
        status.value,
        version,
        version,
    )
    if found is None:
        which = "" if version is None else f" with version {version}"
        raise Refusal(404, f"There is no package {name!r}{which} that is {status.value}.")
    return json_reply(shown(found))


def get_packages_by_tag(call: Call) -> Reply:
    """GET /api/Software/PackagesByTag: packages with this `status` and a tag `tag=Key=Value`.

    The key is compared in its case, the value in any. The value may hold more equals signs.

    Raises:
        Refusal: 400, tag or status is absent or wrong.
    """
    tag, status = call.required("tag"), required_status(call)
    key, equals, value = tag.partition("=")
    if not equals or not key.strip():
        raise Refusal(400, f"query parameter tag: expected Key=Value in one parameter, got {tag!r:.120}")
    wanted = (key, value.casefold())
    rows = call.store.rows("SELECT * FROM packages WHERE status = ? ORDER BY number", status.value)
    found = [row for row in rows if any((has["key"], has["value"].casefold()) == wanted for has in tags_of(row))]
    return json_reply([shown(row) for row in found])
