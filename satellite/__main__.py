"""`python -m satellite` is `hearth`."""

import sys

from .cli import main

sys.exit(main())
