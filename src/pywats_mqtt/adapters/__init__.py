"""From what a device sent to what happened: one file per domain, pure; here an integrator maps a new kind of device."""
