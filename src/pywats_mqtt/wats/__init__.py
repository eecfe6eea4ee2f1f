"""The shell towards a WATS server, through `pywats-api`; only `bus` and `cli` know that library, too."""
