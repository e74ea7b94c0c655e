"""The HTTP face: `/api/v1`, its OpenAPI document, server-sent events, metrics and health."""
