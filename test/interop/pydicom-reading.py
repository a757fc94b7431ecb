"""Reads the files named on standard input with pydicom and prints one line of JSON a file.

Each element is [tag, VR or null (implicit), length or null (undefined), SHA-1 of the value's bytes or null, items or null].
Nothing is converted but sequences.
"""
import hashlib
import json
import sys
import warnings

import pydicom
from pydicom import config
from pydicom.dataelem import RawDataElement

warnings.simplefilter("ignore")
config.replace_un_with_known_vr = False
config.settings.reading_validation_mode = config.IGNORE


def outline(dataset):
    return [element(dataset, tag) for tag in sorted(dataset.keys())]


def element(dataset, tag):
    raw = dataset.get_item(tag)
    number = int(tag)
    if not isinstance(raw, RawDataElement):
        if raw.VR == "SQ":
            return [number, "SQ", None, None, [outline(item) for item in raw.value]]
        return [number, raw.VR, None, None, None]
    length = None if raw.length == 0xFFFFFFFF else raw.length
    digest = hashlib.sha1(raw.value or b"").hexdigest()
    items = None
    if raw.VR in (None, "SQ"):
        converted = dataset[tag] if raw.VR == "SQ" or is_sequence(raw) else None
        if converted is not None and converted.VR == "SQ":
            items = [outline(item) for item in converted.value]
    return [number, raw.VR, length, digest, items]


def is_sequence(raw):
    try:
        return pydicom.datadict.dictionary_VR(raw.tag) == "SQ"
    except KeyError:
        return False


for line in sys.stdin:
    path = line.rstrip("\n")
    try:
        result = outline(pydicom.dcmread(path, force=True))
    except Exception as error:  # A refusal is a result.
        result = f"{type(error).__name__}: {error}"
    print(json.dumps(result), flush=True)
