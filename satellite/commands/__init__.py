"""The subcommands of `hearth`, one file each, imported when they are run.

A command module has `add_options(parser)` and `async def run(args)`, which returns the exit status. Its docstring is
what `hearth COMMAND --help` says.
"""
