"""A record becomes items: decode, validate, route, map. Pure."""

from __future__ import annotations

from connector.routing.explain import Explanation, Verdict
from connector.routing.plan import OtherRoute, RoutePlan, Unrouted
from connector.routing.router import Router
from connector.routing.validate import EventSchema

__all__ = ["EventSchema", "Explanation", "OtherRoute", "RoutePlan", "Router", "Unrouted", "Verdict"]
