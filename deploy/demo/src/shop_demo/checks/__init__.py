"""From what was seen to whether it adds up. Pure: no server, no clock, no file."""
