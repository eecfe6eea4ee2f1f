"""The three loops: receive, route, deliver."""
