"""The kinds of mistakes in configurations, routes and events, each with a wrong line and the right one."""
