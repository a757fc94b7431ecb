"""Frames in eight bits as pydicom and numpy make them: FOLDER FILE..., one raw file each, named by its number."""
import sys

import numpy as np
import pydicom
from pydicom.pixel_data_handlers.util import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi_lut,
    apply_windowing,
    convert_color_space,
)


def grey(ds, frame):
    values = apply_modality_lut(frame, ds)
    bits = ds.BitsStored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2**bits - 1)
    if "ModalityLUTSequence" in ds:
        low, high = 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    elif "RescaleSlope" in ds:
        low, high = (v * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for v in (low, high))
    if ds.get("WindowWidth") is not None:
        shown = apply_windowing(values, ds)
    elif "VOILUTSequence" in ds:
        shown = apply_voi_lut(values, ds)
        low, high = 0, 2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1
    elif bits <= 8:
        shown = values
    else:
        image = frame != ds.PixelPaddingValue if "PixelPaddingValue" in ds else np.ones(frame.shape, bool)
        low, high = values[image].min(), values[image].max()
        shown = np.clip(values, low, high)
    scaled = (shown.astype(np.float64) - low) / (high - low)
    if ds.PhotometricInterpretation == "MONOCHROME1":
        scaled = 1 - scaled
    return np.rint(255 * scaled)


def colour(ds, frame):
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        table = apply_color_lut(frame, ds)
        return table >> 8 if table.dtype == np.uint16 else table
    if ds.PhotometricInterpretation.startswith("YBR_FULL"):
        return convert_color_space(frame, "YBR_FULL", "RGB")
    return np.rint(frame.astype(np.float64) * 255 / (2**ds.BitsStored - 1))


folder, *files = sys.argv[1:]
for number, path in enumerate(files):
    ds = pydicom.dcmread(path)
    frame = ds.pixel_array
    if int(ds.get("NumberOfFrames") or 1) > 1:
        frame = frame[-1]
    make = grey if ds.PhotometricInterpretation.startswith("MONOCHROME") else colour
    make(ds, frame).astype(np.uint8).tofile(f"{folder}/{number}.raw")
