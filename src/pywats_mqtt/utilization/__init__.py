"""How well assets are used: the calendar of shifts, what adds up in one, and the figures of ISO 22400-2. Pure."""
