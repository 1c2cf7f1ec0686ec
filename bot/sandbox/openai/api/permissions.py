"""The endpoints under /fine_tuning/checkpoints/{id}/permissions: which projects may use a checkpoint."""

from collections.abc import Callable
from http import HTTPStatus

from bot.sandbox.openai.api.shelf import FilesAndModels, IdGenerator
from bot.sandbox.openai.api.wire import (
    ApiError,
    ApiRequest,
    JsonObject,
    invalid,
    items_after,
    page_with_ids,
    require_object,
)


class PermissionsApi:
    """Keeps the permissions of every checkpoint, oldest first."""

    def __init__(self, shelf: FilesAndModels, names: IdGenerator, clock: Callable[[], float]) -> None:
        self._shelf, self._names, self._clock = shelf, names, clock
        self._given: dict[str, list[JsonObject]] = {}

    def list_permissions(self, ask: ApiRequest) -> JsonObject:
        """GET: newest first unless ``order=ascending``."""
        order = ask.query.get("order", "descending")
        if order not in ("ascending", "descending"):
            raise invalid(f"'{order}' is not one of ascending, descending.", "order")
        project = ask.query.get("project_id")
        given = [one for one in self._of(ask.id) if project in (None, one["project_id"])]
        ordered = given if order == "ascending" else given[::-1]
        return page_with_ids(items_after(ordered, ask.query.get("after")), ask.limit(10))

    def create(self, ask: ApiRequest) -> JsonObject:
        """POST: let projects use the checkpoint; the answer lists what was given now."""
        projects = require_object(ask.body).get("project_ids")
        if not isinstance(projects, list) or not all(isinstance(one, str) for one in projects):
            raise invalid("project_ids must be a list of project ids.", "project_ids")
        given = self._of(ask.id)
        new = [self._permission(project) for project in projects]
        given.extend(new)
        return page_with_ids(new, max(len(new), 1))

    def delete(self, ask: ApiRequest) -> JsonObject:
        """DELETE: take one permission back."""
        given, permission_id = self._of(ask.id), ask.path["permission_id"]
        for permission in given:
            if permission["id"] == permission_id:
                given.remove(permission)
                return {"id": permission_id, "object": "checkpoint.permission", "deleted": True}
        raise ApiError(HTTPStatus.NOT_FOUND, f"No such permission: {permission_id}", param="permission_id")

    def _of(self, checkpoint: str) -> list[JsonObject]:
        if checkpoint not in self._shelf.models or not checkpoint.startswith("ft:"):
            raise ApiError(HTTPStatus.NOT_FOUND, f"No such checkpoint: {checkpoint}")
        return self._given.setdefault(checkpoint, [])

    def _permission(self, project: str) -> JsonObject:
        return {
            "object": "checkpoint.permission",
            "id": self._names.new("cp_"),
            "created_at": int(self._clock()),
            "project_id": project,
        }
