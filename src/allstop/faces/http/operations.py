"""The table of all operations. Routes, the OpenAPI document and docs/http-api.md follow it."""

from __future__ import annotations

from allstop.faces.http.coordination import COORDINATION
from allstop.faces.http.course import COURSE
from allstop.faces.http.fleet import FLEET
from allstop.faces.http.fleet_reads import FLEET_READS
from allstop.faces.http.hosts import HOST_OPERATIONS
from allstop.faces.http.incidents import INCIDENTS
from allstop.faces.http.levers import LEVER_OPERATIONS
from allstop.faces.http.operation import Operation
from allstop.faces.http.standing import STANDING
from allstop.faces.http.work import WORK

OPERATIONS: tuple[Operation, ...] = (
    INCIDENTS
    + COURSE
    + WORK
    + STANDING
    + FLEET
    + FLEET_READS
    + LEVER_OPERATIONS
    + HOST_OPERATIONS
    + COORDINATION
)
