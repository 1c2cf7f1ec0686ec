"""The endpoints under /files and /models, and who may use a checkpoint."""

from http import HTTPStatus

from bot.sandbox.openai.api.shelf import FilesAndModels
from bot.sandbox.openai.api.wire import ApiError, ApiRequest, JsonObject, invalid, items_after, page_with_ids

_MOST_FILES = 10_000


class FilesAndModelsApi:
    """Answers questions about files and models."""

    def __init__(self, shelf: FilesAndModels) -> None:
        self._shelf = shelf

    def list_files(self, ask: ApiRequest) -> JsonObject:
        """GET /files."""
        order = ask.query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid(f"'{order}' is not one of asc, desc.", "order")
        purpose = ask.query.get("purpose")
        files = [file for file in self._shelf.files.values() if purpose in (None, file["purpose"])]
        ordered = files if order == "asc" else files[::-1]
        limit = ask.limit(_MOST_FILES, most=_MOST_FILES)
        return page_with_ids(items_after(ordered, ask.query.get("after")), limit, empty_id="")

    def retrieve_file(self, ask: ApiRequest) -> JsonObject:
        """GET /files/{id}."""
        if ask.id not in self._shelf.files:
            raise ApiError(HTTPStatus.NOT_FOUND, f"No such File object: {ask.id}", param="id")
        return self._shelf.files[ask.id]

    def file_content(self, ask: ApiRequest) -> bytes:
        """GET /files/{id}/content."""
        self.retrieve_file(ask)
        return self._shelf.contents[ask.id]

    def list_models(self, _: ApiRequest) -> JsonObject:
        """GET /models."""
        return {"object": "list", "data": list(self._shelf.models.values())}

    def retrieve_model(self, ask: ApiRequest) -> JsonObject:
        """GET /models/{id}."""
        if ask.id not in self._shelf.models:
            message = f"The model '{ask.id}' does not exist"
            raise ApiError(HTTPStatus.NOT_FOUND, message, param="model", code="model_not_found")
        return self._shelf.models[ask.id]

    def delete_model(self, ask: ApiRequest) -> JsonObject:
        """DELETE /models/{id}: fine-tuned ones only."""
        self.retrieve_model(ask)
        if not ask.id.startswith("ft:"):
            raise ApiError(HTTPStatus.FORBIDDEN, "Only fine-tuned models can be deleted.", param="model")
        del self._shelf.models[ask.id]
        return {"id": ask.id, "object": "model", "deleted": True}
