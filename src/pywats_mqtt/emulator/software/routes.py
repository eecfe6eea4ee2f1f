"""The routes of `/api/Software`.

What the install engine of pywats 0.6 asks for, `/api/internal/Software`, is not here: its answers are described too
thinly to be of use.
"""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.route import Confidence, Route, Routes
from pywats_mqtt.emulator.settings import Server
from pywats_mqtt.emulator.software import files, folders, lifecycle, packages, saved

SOFTWARE_ROUTES: Routes = {
    "/api/software/packages": {"GET": Route(packages.get_packages, Needs.READ, Confidence.HIGH)},
    "/api/software/package": {"POST": Route(saved.post_package, Needs.WRITE, Confidence.HIGH)},
    "/api/software/package/{}": {
        "GET": Route(packages.get_package, Needs.READ, Confidence.HIGH),
        "PUT": Route(saved.put_package, Needs.WRITE, Confidence.MEDIUM),
        "DELETE": Route(saved.delete_package, Needs.WRITE, Confidence.HIGH),
    },
    "/api/software/packagebyname": {
        "GET": Route(packages.get_package_by_name, Needs.READ, Confidence.HIGH),
        "DELETE": Route(saved.delete_package_by_name, Needs.WRITE, Confidence.HIGH),
    },
    "/api/software/packagesbytag": {"GET": Route(packages.get_packages_by_tag, Needs.READ, Confidence.HIGH)},
    "/api/software/packagestatus/{}": {"POST": Route(lifecycle.post_status, Needs.WRITE, Confidence.HIGH)},
    "/api/software/packagefiles/{}": {"GET": Route(files.get_files, Needs.READ, Confidence.MEDIUM)},
    "/api/software/package/uploadzip/{}": {"POST": Route(files.post_zip, Needs.WRITE, Confidence.MEDIUM)},
    "/api/software/package/fileattribute/{}": {"POST": Route(files.post_attribute, Needs.WRITE, Confidence.MEDIUM)},
    "/api/software/virtualfolders": {"GET": Route(folders.get_folders, Needs.READ, Confidence.MEDIUM)},
    "/api/software/virtualfolder": {
        "POST": Route(folders.post_folder, Needs.WRITE, Confidence.LOW, since=Server.V2026_3),
        "PUT": Route(folders.put_folder, Needs.WRITE, Confidence.LOW, since=Server.V2026_3),
    },
    "/api/software/virtualfolder/{}": {
        "DELETE": Route(folders.delete_folder, Needs.WRITE, Confidence.LOW, since=Server.V2026_3)
    },
}
