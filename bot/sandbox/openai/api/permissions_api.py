"""Endpoints under /fine_tuning/checkpoints/{id}/permissions: which projects may use a checkpoint."""

from collections.abc import Callable
from http import HTTPStatus

from bot.sandbox.openai.api.files_and_models import FilesAndModels, IdGenerator
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
    """Permissions of every checkpoint, oldest first."""

    def __init__(self, files_and_models: FilesAndModels, ids: IdGenerator, clock: Callable[[], float]) -> None:
        self._files_and_models, self._ids, self._clock = files_and_models, ids, clock
        self._permissions: dict[str, list[JsonObject]] = {}

    def list_permissions(self, request: ApiRequest) -> JsonObject:
        """GET .../permissions: newest first unless ``order=ascending``."""
        order = request.query.get("order", "descending")
        if order not in ("ascending", "descending"):
            raise invalid(f"'{order}' is not one of ascending, descending.", "order")
        project = request.query.get("project_id")
        permissions = [
            permission for permission in self._of_checkpoint(request.id) if project in (None, permission["project_id"])
        ]
        ordered = permissions if order == "ascending" else permissions[::-1]
        return page_with_ids(items_after(ordered, request.query.get("after")), request.limit(10))

    def create(self, request: ApiRequest) -> JsonObject:
        """POST .../permissions: grant projects the checkpoint; the response lists the new permissions."""
        projects = require_object(request.body).get("project_ids")
        if not isinstance(projects, list) or not all(isinstance(project, str) for project in projects):
            raise invalid("project_ids must be a list of project ids.", "project_ids")
        permissions = self._of_checkpoint(request.id)
        new = [self._permission(project) for project in projects]
        permissions.extend(new)
        return page_with_ids(new, max(len(new), 1))

    def delete(self, request: ApiRequest) -> JsonObject:
        """DELETE .../permissions/{permission_id}: revoke one permission."""
        permissions, permission_id = self._of_checkpoint(request.id), request.path["permission_id"]
        for permission in permissions:
            if permission["id"] == permission_id:
                permissions.remove(permission)
                return {"id": permission_id, "object": "checkpoint.permission", "deleted": True}
        raise ApiError(HTTPStatus.NOT_FOUND, f"No such permission: {permission_id}", param="permission_id")

    def _of_checkpoint(self, checkpoint: str) -> list[JsonObject]:
        if checkpoint not in self._files_and_models.models or not checkpoint.startswith("ft:"):
            raise ApiError(HTTPStatus.NOT_FOUND, f"No such checkpoint: {checkpoint}")
        return self._permissions.setdefault(checkpoint, [])

    def _permission(self, project: str) -> JsonObject:
        return {
            "object": "checkpoint.permission",
            "id": self._ids.new("cp_"),
            "created_at": int(self._clock()),
            "project_id": project,
        }
