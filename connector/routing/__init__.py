"""A record becomes items: decode, validate, route, map. Pure."""

from __future__ import annotations

from connector.routing.plan import OtherRoute, RoutePlan, Unrouted
from connector.routing.router import Explanation, Router, Verdict
from connector.routing.validate import EventSchema

__all__ = ["EventSchema", "Explanation", "OtherRoute", "RoutePlan", "Router", "Unrouted", "Verdict"]
