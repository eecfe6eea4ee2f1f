"""How near an asset is to its limits: of use, of time and of drift; values in, values out."""
