"""Runs moto_server with what is slow in it made quick. What it answers does not change.

Measured on moto 5.2.1. Whatever a version of moto lacks is left as it is.
"""

import copy
import functools
import threading


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

    from moto.core import serialize

    quicken(serialize.ResponseSerializer, "_serialize_type_structure", attribute_values_as_they_are)

    quicken_tables()

    from moto.server import main as serve

    serve()


def quicken_tables():
    from moto.dynamodb import models
    from moto.dynamodb.models import dynamo_type, table
    from moto.dynamodb.parsing import ast_nodes

    # A transaction copies its table once per item, with all that its stream ever held. A
    # stream's record is never changed, so it is its own copy.
    quicken(table, "StreamRecord", with_itself_as_copy)
    quicken(models.DynamoDBBackend, "transact_write_items", copying_each_table_once(models, table))

    # An item adds up the size of all its attributes for each that is set, and makes every
    # nested one anew to do so.
    quicken(dynamo_type.DynamoType, "size", without_new_values(dynamo_type))
    quicken(dynamo_type.LimitedSizeDict, "__setitem__", adding_up_once(dynamo_type))

    # Every node of an update expression asks every processor anew what it is there for.
    quicken(ast_nodes.DepthFirstTraverser, "nodes_to_be_processed", once_per_object)


def attribute_values_as_they_are(serialize):
    """An attribute value is JSON already: moto tries five spellings of ten members on each."""

    def quick(self, serialized, value, shape, key):
        if shape.name == "AttributeValue" and key and is_json(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            serialize(self, serialized, value, shape, key)

    return quick


def is_json(value):
    """Says whether a value is JSON with nothing binary in it, which moto would encode."""
    if type(value) is dict:
        return not ("B" in value or "BS" in value) and all(map(is_json, value.values()))
    if type(value) is list:
        return all(map(is_json, value))
    return type(value) in (str, bool, int, float)


def with_itself_as_copy(record):
    record.__deepcopy__ = lambda self, memo: self
    return record


def copying_each_table_once(models, table):
    """All copies of a transaction are made before its first write, so one for each table does."""
    made = threading.local()

    class Copy:
        @staticmethod
        def deepcopy(value, memo=None):
            copies = getattr(made, "copies", None)
            if copies is None or not isinstance(value, table.Table):
                return copy.deepcopy(value, memo)
            if id(value) not in copies:
                copies[id(value)] = copy.deepcopy(value)
            return copies[id(value)]

    def change(transact):
        def quick(self, *args, **kwargs):
            made.copies = {}
            try:
                return transact(self, *args, **kwargs)
            finally:
                made.copies = None

        quicken(models, "copy", lambda module: Copy)
        return quick

    return change


def without_new_values(dynamo_type):
    def change(size):
        def quick(self):
            if not self.is_map():
                return size(self)
            return sum(
                dynamo_type.bytesize(k) + (v if type(v) is dynamo_type.DynamoType else dynamo_type.DynamoType(v)).size()
                for k, v in self.value.items()
            )

        return quick

    return change


def adding_up_once(dynamo_type):
    """Keeps an upper bound of an item's size, and leaves what may exceed the limit to moto."""

    def size(value):
        return value.size() if type(value) is dynamo_type.DynamoType else dynamo_type.bytesize(str(value))

    def change(set_item):
        def quick(self, key, value):
            bound = getattr(self, "bound", None)
            if bound is None:
                bound = sum(map(size, self.keys())) + sum(map(size, self.values()))
            self.bound = bound + size(key) + size(value)
            if self.bound <= 400_000:
                dict.__setitem__(self, key, value)
            else:
                self.bound = None
                set_item(self, key, value)

        return quick

    return change


def once_per_object(ask):
    def quick(self):
        if "answer" not in self.__dict__:
            self.answer = ask(self)
        return self.answer

    return quick


if __name__ == "__main__":
    main()
