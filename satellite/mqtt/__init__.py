"""What Wyoming cannot carry, over MQTT: the satellite as a device of Home Assistant, or of anything on the broker."""
