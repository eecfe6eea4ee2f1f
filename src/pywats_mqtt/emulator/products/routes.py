"""The routes of `/api/Product`."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.products import box_build, saved
from pywats_mqtt.emulator.route import Confidence, Route, Routes

_INTERNAL = "/api/internal/product"

PRODUCT_ROUTES: Routes = {
    "/api/product": {
        "GET": Route(saved.get_by_query, Needs.READ, Confidence.MEDIUM),
        "PUT": Route(saved.put_product, Needs.WRITE, Confidence.MEDIUM),
    },
    "/api/product/{}": {"GET": Route(saved.get_product, Needs.READ, Confidence.MEDIUM)},
    "/api/product/{}/{}": {"GET": Route(saved.get_revision, Needs.READ, Confidence.MEDIUM)},
    "/api/product/query": {"GET": Route(saved.get_products, Needs.READ, Confidence.LOW)},
    "/api/product/revision": {"PUT": Route(saved.put_revision, Needs.WRITE, Confidence.MEDIUM)},
    f"{_INTERNAL}/getproductinfo": {"GET": Route(box_build.get_product_info, Needs.READ, Confidence.LOW)},
    f"{_INTERNAL}/postproductrevisionrelation": {"POST": Route(box_build.post_relation, Needs.WRITE, Confidence.LOW)},
    f"{_INTERNAL}/putproductrevisionrelation": {"PUT": Route(box_build.put_relation, Needs.WRITE, Confidence.LOW)},
    f"{_INTERNAL}/deleteproductrevisionrelation": {
        "DELETE": Route(box_build.delete_relation, Needs.WRITE, Confidence.LOW)
    },
}
