"""What `./bridge` does before and beside the program; the standard library only, since there is nothing else yet."""
