"""`python -m pywats_mqtt` is the command line."""

from pywats_mqtt.cli.main import main

main()
