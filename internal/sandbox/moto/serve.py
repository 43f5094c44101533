"""Runs moto_server with what is slow in it made quick. What it answers does not change.

Measured on moto 5.2.1. Whatever a version of moto lacks is left as it is.
"""

import functools


def quicken(holder, name, change):
    """Replaces an attribute by what change makes of it, if it is there."""
    if hasattr(holder, name):
        setattr(holder, name, change(getattr(holder, name)))


def main():
    from moto import backends

    # Every request lists moto's own directory to find out which services there are.
    quicken(backends, "list_of_moto_modules", lambda f: functools.cache(lambda: frozenset(f())))

    # Every look at a queue spells its attributes in Python's way, letter by letter. The name
    # must be replaced before the services import it.
    from moto.core import utils

    quicken(utils, "camelcase_to_underscores", functools.cache)

    # A transaction copies its table once per item, with all that its stream ever held. A
    # stream's record is never changed, so it is its own copy.
    from moto.dynamodb.models import table

    quicken(table, "StreamRecord", with_itself_as_copy)

    from moto.server import main as serve

    serve()


def with_itself_as_copy(record):
    record.__deepcopy__ = lambda self, memo: self
    return record


if __name__ == "__main__":
    main()
