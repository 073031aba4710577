"""``/api/v1/products``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.add_product import AddProduct
from order_service.application.read_product import ReadProduct
from order_service.application.read_products import ReadProducts
from order_service.http.bodies import ProductBody, ProductPath, ProductsQuery
from order_service.http.replies import ProductReply, ProductsReply
from servicekit.http.idempotency import idempotency_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def product_routes(
    add_product: AddProduct, read_product: ReadProduct, read_products: ReadProducts
) -> APIBlueprint:
    """Adding products to the catalogue and reading them."""
    routes = APIBlueprint("products", __name__, url_prefix="/api/v1/products")

    @route(
        routes,
        "POST",
        "",
        summary="Add a product to the catalogue",
        replies={201: ProductReply},
        key="optional",
    )
    def post_product(body: ProductBody) -> Response:
        answer = add_product(body.command(idempotency_key()))
        location = {"Location": f"/api/v1/products/{answer.result.product_id}"}
        reply = ProductReply.of(answer.result)
        return json_reply(reply, 201, headers=location, is_replay=answer.is_replay)

    @route(routes, "GET", "", summary="The catalogue, by the products' ids", replies={200: ProductsReply})
    def get_products(query: ProductsQuery) -> Response:
        return json_reply(ProductsReply.of(read_products(query.limit, query.after)))

    @route(routes, "GET", "/<string:productId>", summary="Read a product", replies={200: ProductReply})
    def get_product(path: ProductPath) -> Response:
        return json_reply(ProductReply.of(read_product(path.product_id)))

    return routes
