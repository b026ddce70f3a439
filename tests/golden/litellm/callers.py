"""Who calls LiteLLM, and which servers they may use, without its database."""

import json
import os

from litellm.proxy._types import LiteLLM_ObjectPermissionTable, ProxyException, UserAPIKeyAuth

SERVERS = json.loads(os.environ["SERVERS_BY_KEY"])


async def identify(request, api_key):
    key = (api_key or "").removeprefix("Bearer ")
    if key not in SERVERS:
        raise ProxyException(message="Authentication Error", type="auth_error", param=None, code=401)
    permission = f"of-{key}"
    return UserAPIKeyAuth(
        api_key=key,
        token=key,
        object_permission_id=permission,
        object_permission=LiteLLM_ObjectPermissionTable(object_permission_id=permission, mcp_servers=SERVERS[key]),
    )
