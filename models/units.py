"""Units of measure as they are written behind a number, and how English says one and many of them."""

from __future__ import annotations

_PLAIN = {
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer", "mi": "mile", "µm": "micrometer",
    "mg": "milligram", "g": "gram", "kg": "kilogram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "ml": "milliliter", "mL": "milliliter", "cl": "centiliter", "l": "liter", "L": "liter",
    "ms": "millisecond", "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "hrs": "hour",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "Wh": "watt hour", "kWh": "kilowatt hour",
    "MWh": "megawatt hour", "VA": "volt ampere", "V": "volt", "mV": "millivolt", "kV": "kilovolt", "A": "amp",
    "mA": "milliamp", "Ah": "amp hour", "mAh": "milliamp hour", "J": "joule", "kJ": "kilojoule", "cal": "calorie",
    "kcal": "kilocalorie", "Pa": "pascal", "hPa": "hectopascal", "kPa": "kilopascal",
    "mbar": "millibar", "dB": "decibel", "lm": "lumen", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte",
}  # fmt: skip
"""Those whose plural ends in s."""

_SQUARES = {"mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer"}

_RATES = {
    "km/h": ("kilometer", "per hour"), "kph": ("kilometer", "per hour"), "mph": ("mile", "per hour"),
    "mi/h": ("mile", "per hour"), "m/s": ("meter", "per second"), "mm/h": ("millimeter", "per hour"),
    "l/min": ("liter", "per minute"), "L/min": ("liter", "per minute"), "m³/h": ("cubic meter", "per hour"),
    "kbit/s": ("kilobit", "per second"), "Mbit/s": ("megabit", "per second"), "Gbit/s": ("gigabit", "per second"),
    "kbps": ("kilobit", "per second"), "Mbps": ("megabit", "per second"), "Gbps": ("gigabit", "per second"),
    "MB/s": ("megabyte", "per second"), "µg/m³": ("microgram", "per cubic meter"),
    "mg/m³": ("milligram", "per cubic meter"), "g/m³": ("gram", "per cubic meter"),
    "W/m²": ("watt", "per square meter"),
}  # fmt: skip

UNITS: dict[str, tuple[str, str]] = {
    **{unit: (name, f"{name}s") for unit, name in _PLAIN.items()},
    **{f"{unit}{sign}": (f"square {name}", f"square {name}s") for unit, name in _SQUARES.items() for sign in "²2"},
    **{f"{unit}{sign}": (f"cubic {name}", f"cubic {name}s") for unit, name in _SQUARES.items() for sign in "³3"},
    **{unit: (f"{name} {rest}", f"{name}s {rest}") for unit, (name, rest) in _RATES.items()},
    **dict.fromkeys(("°C", "℃", "° C"), ("degree Celsius", "degrees Celsius")),
    **dict.fromkeys(("°F", "℉", "° F"), ("degree Fahrenheit", "degrees Fahrenheit")),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
    "ft": ("foot", "feet"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "lx": ("lux", "lux"),
    "bar": ("bar", "bar"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "rpm": ("turn per minute", "turns per minute"),
}
"""By what is written: what is said of one, and of any other number."""
