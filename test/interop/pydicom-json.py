"""Reads the files named on standard input with pydicom and prints a line of JSON each: [file, its DICOM JSON Model] or [file, null]."""
import json
import sys
import warnings

import pydicom
from pydicom import config

warnings.simplefilter("ignore")
config.replace_un_with_known_vr = False
config.settings.reading_validation_mode = config.IGNORE

for line in sys.stdin:
    path = line.rstrip("\n")
    try:
        print(json.dumps([path, pydicom.dcmread(path).to_json_dict(1024, lambda element: "bulk")]))
    except Exception:
        print(json.dumps([path, None]))
