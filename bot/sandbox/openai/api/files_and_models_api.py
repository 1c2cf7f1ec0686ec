"""Endpoints under /files and /models."""

from http import HTTPStatus

from bot.sandbox.openai.api.files_and_models import FilesAndModels
from bot.sandbox.openai.api.wire import ApiError, ApiRequest, JsonObject, invalid, items_after, page_with_ids

_MAX_FILES = 10_000


class FilesAndModelsApi:
    """Lists, returns and deletes files and models."""

    def __init__(self, files_and_models: FilesAndModels) -> None:
        self._files_and_models = files_and_models

    def list_files(self, request: ApiRequest) -> JsonObject:
        """GET /files."""
        order = request.query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid(f"'{order}' is not one of asc, desc.", "order")
        purpose = request.query.get("purpose")
        files = [file for file in self._files_and_models.files.values() if purpose in (None, file["purpose"])]
        ordered = files if order == "asc" else files[::-1]
        limit = request.limit(_MAX_FILES, most=_MAX_FILES)
        return page_with_ids(items_after(ordered, request.query.get("after")), limit, empty_id="")

    def retrieve_file(self, request: ApiRequest) -> JsonObject:
        """GET /files/{id}."""
        if request.id not in self._files_and_models.files:
            raise ApiError(HTTPStatus.NOT_FOUND, f"No such File object: {request.id}", param="id")
        return self._files_and_models.files[request.id]

    def file_content(self, request: ApiRequest) -> bytes:
        """GET /files/{id}/content."""
        self.retrieve_file(request)
        return self._files_and_models.contents[request.id]

    def list_models(self, _: ApiRequest) -> JsonObject:
        """GET /models."""
        return {"object": "list", "data": list(self._files_and_models.models.values())}

    def retrieve_model(self, request: ApiRequest) -> JsonObject:
        """GET /models/{id}."""
        if request.id not in self._files_and_models.models:
            message = f"The model '{request.id}' does not exist"
            raise ApiError(HTTPStatus.NOT_FOUND, message, param="model", code="model_not_found")
        return self._files_and_models.models[request.id]

    def delete_model(self, request: ApiRequest) -> JsonObject:
        """DELETE /models/{id}: fine-tuned ones only."""
        self.retrieve_model(request)
        if not request.id.startswith("ft:"):
            raise ApiError(HTTPStatus.FORBIDDEN, "Only fine-tuned models can be deleted.", param="model")
        del self._files_and_models.models[request.id]
        return {"id": request.id, "object": "model", "deleted": True}
