"""The page at `/`: what an emulator holds, for a person with a browser.

HTML, CSS and JavaScript modules in `static/`, written here: no framework, no build, nothing from the network. The page
asks the inspection API every two seconds whether anything changed, and then for what it shows: one list at a time, a
hundred rows at a time, and one thing in full. It only looks; faults are made, and everything is forgotten, by the
inspection API.
"""
